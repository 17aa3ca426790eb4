"""The library's client over a real network: policies act, count, and are read from POLICIES_FILE."""

import json
from pathlib import Path

import pytest

from resilience_lib import BreakerPolicy, EdgePolicy
from services.runtime.clients import make_clients
from services.runtime.library import read_policies
from services.runtime.settings import BadSettings, Settings
from tests.services.runtime.scripted import CALLEE, Recorded, led, serving

QUICK = {"backoff_s": 0.001, "max_backoff_s": 0.001}


async def test_a_retry_is_one_logical_call_and_two_attempts(tmp_path: Path) -> None:
    policy = {"retry": {"attempts": 2, "retry_on": "gateway-error", **QUICK}}
    async with serving(503, 200) as (server, address), led(tmp_path, "library", address, policy=policy) as world:
        reply = await world.client.post("/frame", json={"id": 1})
        assert (reply.status, reply.attempts) == (200, 2)
        assert world.recorded.counts[f"logical {CALLEE}"] == 1
        assert world.recorded.counts[f"sent {CALLEE}"] == len(server.requests) == 2
        assert world.recorded.events == ["retry"]
        assert server.requests[0][2] == server.requests[1][2] == b'{"id":1}'


async def test_used_up_tries_give_the_last_status_with_urx_and_its_body(tmp_path: Path) -> None:
    policy = {"retry": {"attempts": 1, "retry_on": "5xx", **QUICK}}
    async with serving(503, 500) as (_, address), led(tmp_path, "library", address, policy=policy) as world:
        reply = await world.client.get("/a")
        assert (reply.status, reply.flag, reply.attempts, reply.body) == (500, "URX", 2, b'{"step": 500}')


@pytest.mark.parametrize(
    ("step", "retry_on", "requests"),
    [
        ("reset", "reset", 2),
        ("reset", "connect-failure", 1),
        ("hang", "5xx", 2),
        ("hang", "connect-failure,504", 1),
        ("reset-in-body", "5xx,reset", 1),
        (404, "5xx,reset,retriable-4xx", 1),
    ],
)
async def test_what_is_retried_is_what_envoy_would_retry(
    tmp_path: Path, step: str | int, retry_on: str, requests: int
) -> None:
    # only who hangs is to meet the limit: a busy machine takes its time to read a request
    limit = 0.3 if step == "hang" else 5.0
    policy = {"retry": {"attempts": 1, "retry_on": retry_on, **QUICK}, "timeout": {"per_try_s": limit}}
    async with serving(step) as (server, address), led(tmp_path, "library", address, policy=policy) as world:
        await world.client.get("/a")
        assert len(server.requests) == requests


async def test_an_open_breaker_sends_nothing_until_reset_closes_it(tmp_path: Path) -> None:
    policy = {"breaker": {"failures": 2, "reset_s": 60}}
    async with serving(503, 503, 200) as (server, address), led(tmp_path, "library", address, policy=policy) as world:
        replies = [await world.client.get("/a") for _ in range(4)]
        assert [(reply.status, reply.flag, reply.attempts) for reply in replies] == [
            *[(503, None, 1)] * 2,
            *[(503, "UO", 0)] * 2,
        ]
        assert len(server.requests) == 2
        assert world.recorded.events == ["open", "reject", "reject"]
        await world.clients.reset(0)
        assert (await world.client.get("/a")).ok


async def test_a_breaker_belongs_to_one_callee(tmp_path: Path) -> None:
    policy = {"breaker": {"failures": 1, "reset_s": 60}}
    async with serving(503, 200) as (_, address), led(tmp_path, "library", policy=policy) as world:
        world.lead_to(address, proxy=address)
        assert (await world.client.get("/a")).status == 503
        assert (await world.clients["momentum"].get("/a")).ok


async def test_the_overall_deadline_is_a_504(tmp_path: Path) -> None:
    policy = {"retry": {"attempts": 99, "retry_on": "5xx", **QUICK}, "timeout": {"per_try_s": 0.02, "overall_s": 0.05}}
    async with serving("hang") as (_, address), led(tmp_path, "library", address, policy=policy) as world:
        reply = await world.client.get("/a")
        assert (reply.status, reply.flag) == (504, "UT")
        assert world.recorded.seconds[0] < 1.0
        assert set(world.recorded.events) == {"timeout", "retry"}


def test_policies_are_read_by_callee(tmp_path: Path) -> None:
    path = tmp_path / "policies.json"
    path.write_text(json.dumps({CALLEE: {"breaker": {"failures": 5, "reset_s": 1.0}}, "momentum": {}}))
    assert read_policies(path, EdgePolicy.from_json) == {
        CALLEE: EdgePolicy(breaker=BreakerPolicy(5, 1.0)),
        "momentum": EdgePolicy(),
    }


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("{", ["must be a file with JSON"]),
        ("[]", ["must be an object of policies by callee"]),
        (
            '{"a": {"retry": {"attempts": 0}}, "b": {"x": 1}}',
            ["a.retry.attempts: must be a whole number", "b.x: unknown; choose from"],
        ),
    ],
)
def test_bad_policies_are_refused_with_every_error(tmp_path: Path, text: str, errors: list[str]) -> None:
    path = tmp_path / "policies.json"
    path.write_text(text)
    with pytest.raises(BadSettings) as caught:
        read_policies(path, EdgePolicy.from_json)
    assert len(caught.value.errors) == len(errors)
    for said, wanted in zip(caught.value.errors, errors, strict=True):
        assert said.startswith(f"POLICIES_FILE='{path}': {wanted}")


def test_library_mode_without_policies_is_refused() -> None:
    with pytest.raises(BadSettings, match="POLICIES_FILE: must be set when RESILIENCE_MODE=library"):
        make_clients(Settings(service_name="a", pod_name="a-0", resilience_mode="library"), Recorded())
