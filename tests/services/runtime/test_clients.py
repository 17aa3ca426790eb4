"""The table of outcomes, and what else holds in every mode."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from services.runtime import plain
from services.runtime.clients import Reply, make_clients
from services.runtime.settings import BadSettings, Settings
from tests.services.runtime.scripted import CALLEE, Recorded, free_address, led, serving

MODES = ("plain", "library", "endpoints")
TABLE: list[tuple[str | int, int, str | None]] = [
    ("refused", 503, "UF"),
    ("reset", 503, "UC"),
    ("reset-in-body", 503, "UC"),
    ("hang", 504, "UT"),
    ("hang-in-body", 504, "UT"),
    ("garbage", 502, "UPE"),
    (500, 500, None),
    (503, 503, None),
    (404, 404, None),
    (302, 302, None),
    (200, 200, None),
]
"""What the callee does, and what business code is told; docs/architecture.md, "The client"."""


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the transport give up soon: aiohttp's own 300 s are no matter for a test."""
    monkeypatch.setattr(plain, "TIMEOUT", aiohttp.ClientTimeout(total=0.05))


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("step", "status", "flag"), TABLE, ids=[str(row[0]) for row in TABLE])
async def test_what_the_callee_does_has_one_outcome_in_every_mode(
    tmp_path: Path, mode: str, method: str, step: str | int, status: int, flag: str | None
) -> None:
    async with serving(step) as (server, address), led(tmp_path, mode, address) as world:
        if step == "refused":
            world.lead_to(free_address())
        reply = await world.client.request(method, "/frame", json={"id": 1} if method == "POST" else None)
        assert (reply.status, reply.flag, reply.attempts) == (status, flag, 1)
        assert reply.ok == (status == 200)
        assert reply.body == (b"" if flag else b'{"step": %d}' % status)
        assert world.recorded.outcomes == [(status, flag)]
        assert len(server.requests) == (0 if step == "refused" else 1)


async def test_a_callee_without_a_replica_is_a_refused_connection(tmp_path: Path, mode: str) -> None:
    async with led(tmp_path, mode) as world:
        reply = await world.client.get("/status")
        # who sees the replicas sees that there are none, as Envoy does
        assert (reply.status, reply.flag) == (503, "UH" if mode == "endpoints" else "UF")


async def test_an_idempotent_request_is_not_sent_again_on_a_dead_kept_connection(tmp_path: Path, mode: str) -> None:
    async with serving(200, "reset", 200) as (server, address), led(tmp_path, mode, address) as world:
        assert (await world.client.get("/a")).ok
        reply = await world.client.get("/b")
        assert (reply.status, reply.flag, reply.attempts) == (503, "UC", 1)
        assert [line for line, _, _ in server.requests] == ["GET /a HTTP/1.1", "GET /b HTTP/1.1"]
        assert server.connections == 1


async def test_a_redirect_is_an_answer_and_makes_no_second_request(tmp_path: Path, mode: str) -> None:
    async with serving(302, 200) as (server, address), led(tmp_path, mode, address) as world:
        assert (await world.client.get("/a")).status == 302
        assert len(server.requests) == 1


async def test_names_are_not_cached_so_the_next_connection_goes_where_discovery_says_now(
    tmp_path: Path, mode: str
) -> None:
    async with serving("reset") as (old, first), serving(200) as (new, second), led(tmp_path, mode, first) as world:
        await world.client.get("/a")
        world.lead_to(second)
        assert (await world.client.get("/a")).ok
        assert (len(old.requests), len(new.requests)) == (1, 1)


async def test_a_dead_replica_is_an_error_and_not_passed_over_in_silence(tmp_path: Path, mode: str) -> None:
    async with serving(200) as (server, alive), led(tmp_path, mode, alive, free_address(), keepalive_s=0) as world:
        statuses = [(await world.client.get("/a")).status for _ in range(40)]
        assert 5 < statuses.count(503) < 35
        assert len(server.requests) == statuses.count(200)


async def test_headers_say_who_calls_and_carry_the_trace(tmp_path: Path, mode: str) -> None:
    async with serving(200) as (server, address), led(tmp_path, mode, address) as world:
        await world.client.post("/frame", json={"a": [1]}, params={"from": "x y"})
        line, headers, body = server.requests[0]
        assert line == "POST /frame?from=x+y HTTP/1.1"
        assert headers["host"] == f"{CALLEE}:8080"
        assert headers["x-goaround-source"] == "collector"
        assert headers["content-type"] == "application/json"
        assert {"x-request-id", "traceparent"} <= headers.keys()
        assert json.loads(body) == {"a": [1]}


async def test_the_recorder_counts_calls_attempts_and_connections(tmp_path: Path, mode: str) -> None:
    async with serving(200) as (_, address), led(tmp_path, mode, address) as world:
        for _ in range(3):
            assert (await world.client.get("/a")).json() == {"step": 200}
        assert world.recorded.counts == {
            **{f"{what} {CALLEE}": 3 for what in ("logical", "sent", "outcome")},
            f"opened {CALLEE}": 1,
        }
        assert world.recorded.opens == {f"127.0.0.1:{address[1]}": 1}


async def test_a_refused_connection_is_not_counted_as_opened(tmp_path: Path, mode: str) -> None:
    async with led(tmp_path, mode, free_address()) as world:
        await world.client.get("/a")
        assert not world.recorded.opens


async def test_no_more_connections_than_the_limit_are_opened_to_a_callee(tmp_path: Path, mode: str) -> None:
    async with serving(200) as (server, address), led(tmp_path, mode, address, connection_limit=2) as world:
        replies = await asyncio.gather(*(world.client.get("/a") for _ in range(12)))
        assert all(reply.ok for reply in replies)
        assert server.connections == 2


async def test_a_connection_kept_too_long_is_not_used_again(tmp_path: Path, mode: str) -> None:
    async with serving(200) as (server, address), led(tmp_path, mode, address, keepalive_s=0.0) as world:
        for _ in range(3):
            await world.client.get("/a")
        assert server.connections == 3


async def test_reset_drops_the_pool_and_repeats_the_draws_of_its_seed(tmp_path: Path, mode: str) -> None:
    async with (
        serving(200) as (_, one),
        serving(200) as (_, two),
        led(tmp_path, mode, one, two, keepalive_s=0.0) as world,
    ):
        draws = []
        for seed in (7, 8, 7):
            await world.clients.reset(seed)
            world.recorded.opens.clear()
            order = []
            for _ in range(12):
                before = world.recorded.opens.copy()
                await world.client.get("/a")
                order += [*(world.recorded.opens - before)]
            draws.append(order)
        assert draws[0] == draws[2] != draws[1]


async def test_clients_are_a_mapping_that_makes_any_callee_when_asked(tmp_path: Path, mode: str) -> None:
    async with led(tmp_path, mode) as world:
        assert world.clients["momentum"] is world.clients["momentum"]
        assert [*world.clients] == [CALLEE, "momentum"]
        assert len(world.clients) == 2


def test_an_unknown_mode_is_refused_with_the_choices() -> None:
    with pytest.raises(BadSettings, match="RESILIENCE_MODE='magic': must be one of plain, library"):
        make_clients(Settings(service_name="a", pod_name="a-0", resilience_mode="magic"), Recorded())


@pytest.mark.parametrize(("status", "ok"), [(199, False), (200, True), (299, True), (300, False), (503, False)])
def test_a_reply_is_ok_when_it_is_2xx(status: int, ok: bool) -> None:
    assert Reply(status, b"", None, 1).ok is ok


def test_plain_mode_does_not_load_the_library() -> None:
    code = (
        "import sys; from services.runtime.clients import make_clients; from services.runtime.settings import Settings;"
        "make_clients(Settings(service_name='a', pod_name='a-0'), None);"
        "sys.exit(bool({'resilience_lib', 'tenacity', 'pybreaker'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own interpreter
