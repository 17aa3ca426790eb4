"""What a client library has and a sidecar has not, over a real network, in both modes with a library."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.runtime.context import enter
from tests.services.runtime.scripted import ScriptedServer, led, serving

QUICK = {"backoff_s": 0.001, "max_backoff_s": 0.001}
HEADER = "x-goaround-timeout-ms"


@pytest.fixture(params=["library", "endpoints"])
def mode(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def outside_any_request() -> None:
    enter({})


def told(server: ScriptedServer) -> list[int]:
    return [int(headers[HEADER]) for _, headers, _ in server.requests if HEADER in headers]


async def test_what_was_answered_before_is_answered_when_the_callee_is_out(tmp_path: Path, mode: str) -> None:
    policy = {"fallback": {"max_age_s": 60}}
    async with serving(200, 503) as (_, address), led(tmp_path, mode, address, policy=policy) as world:
        news = await world.client.get("/analysis")
        old = await world.client.get("/analysis")
        assert (news.stale_s, old.status, old.flag, old.body, old.ok) == (None, 200, "FB", news.body, True)
        assert old.stale_s is not None
        assert world.recorded.outcomes == [(200, None), (200, "FB")]
        assert world.recorded.events == ["fallback"]


async def test_only_the_same_get_is_answered_from_memory(tmp_path: Path, mode: str) -> None:
    policy: dict[str, dict[str, float]] = {"fallback": {}}
    async with serving(200, 200, 503) as (_, address), led(tmp_path, mode, address, policy=policy) as world:
        await world.client.get("/analysis", params={"b": "1", "a": "2"})
        await world.client.post("/analysis")
        assert (await world.client.post("/analysis")).status == 503
        assert (await world.client.get("/analysis")).status == 503
        assert (await world.client.get("/analysis", params={"a": "2", "b": "1"})).flag == "FB"


async def test_a_reset_forgets_what_was_answered(tmp_path: Path, mode: str) -> None:
    async with serving(200, 503) as (_, address), led(tmp_path, mode, address, policy={"fallback": {}}) as world:
        await world.client.get("/a")
        await world.clients.reset(1)
        assert (await world.client.get("/a")).status == 503


async def test_a_slow_request_is_sent_once_more_and_the_first_answer_is_taken(tmp_path: Path, mode: str) -> None:
    policy = {"hedge": {"delay_s": 0.02}}
    async with serving("hang", 200) as (server, address), led(tmp_path, mode, address, policy=policy) as world:
        reply = await world.client.get("/a")
        assert (reply.status, reply.attempts, len(server.requests)) == (200, 2, 2)
        assert world.recorded.events == ["hedge"]


async def test_the_callee_is_told_how_long_it_will_be_waited_for_where_the_policy_says_so(
    tmp_path: Path, mode: str
) -> None:
    policy = {"timeout": {"per_try_s": 0.5, "overall_s": 2.0, "propagate": True}}
    async with serving(200) as (server, address), led(tmp_path, mode, address, policy=policy) as world:
        await world.client.get("/a")
        assert told(server)[0] in range(300, 501)
    silent = {"timeout": {"per_try_s": 0.5, "overall_s": 2.0}}
    async with serving(200) as (server, address), led(tmp_path, mode, address, policy=silent) as world:
        await world.client.get("/a")
        assert told(server) == []


async def test_the_deadline_of_the_request_being_served_bounds_its_calls(tmp_path: Path, mode: str) -> None:
    policy = {"timeout": {"overall_s": 60, "propagate": True}}
    async with serving(200, "hang") as (server, address), led(tmp_path, mode, address, policy=policy) as world:
        enter({HEADER: "50"})
        assert (await world.client.get("/a")).ok
        assert told(server)[0] in range(51)
        assert (await world.client.get("/a")).flag == "UT"
        assert (await world.client.get("/a")).attempts == 0  # its time is over
        assert len(server.requests) == 2


async def test_what_the_header_asks_for_is_waited_and_what_is_too_much_is_not_repeated(
    tmp_path: Path, mode: str
) -> None:
    policy = {"retry": {"retry_on": "5xx", **QUICK, "retry_after_s": 1.0}}
    async with (
        serving("503 retry-after: 0", "503 retry-after: 7", 200) as (server, address),
        led(tmp_path, mode, address, policy=policy) as world,
    ):
        reply = await world.client.get("/a")
        assert (reply.status, reply.flag, reply.attempts, len(server.requests)) == (503, None, 2, 2)
