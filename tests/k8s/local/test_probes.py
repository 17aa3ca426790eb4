from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest

from k8s.local import probes
from k8s.local.ports import HOST
from k8s.local.probes import Check, Checks, http_get, watch
from tests.k8s.waiting import until as eventually

PERIOD_S = 0.01


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "QUICK_S", 0.001)


def script(*answers: str) -> Callable[[], Awaitable[str]]:
    """A probe that gives these answers, the last one for ever."""
    left: Iterator[str] = iter(answers)
    last = answers[-1]

    async def ask() -> str:
        return next(left, last)

    return ask


async def watched(checks: Checks, until: Callable[[list[str], list[str]], object]) -> tuple[list[str], list[str]]:
    """What was reported, ready states and restarts, up to when `until` is satisfied."""
    states: list[str] = []
    restarts: list[str] = []
    task = asyncio.create_task(watch(checks, states.append, restarts.append))
    await eventually(lambda: until(states, restarts))
    task.cancel()
    await asyncio.wait([task])
    return states, restarts


async def test_a_container_without_probes_is_ready_at_once() -> None:
    states, _ = await watched(Checks(), lambda states, _: states)
    assert states == [""]


async def test_it_is_not_ready_before_the_startup_probe_succeeds() -> None:
    checks = Checks(startup=Check(script("refused", "refused", ""), PERIOD_S, 100))
    states, _ = await watched(checks, lambda states, _: "" in states)
    assert states == ["starting: refused", "starting: refused", ""]


async def test_a_container_that_never_starts_is_restarted() -> None:
    checks = Checks(startup=Check(script("refused"), PERIOD_S, 2))
    states, restarts = await watched(checks, lambda _, restarts: restarts)
    assert restarts == ["not started within 0.02 s: refused"]
    assert "" not in states


async def test_one_failure_below_the_threshold_does_not_make_it_unready() -> None:
    checks = Checks(readiness=Check(script("", "503", "", ""), PERIOD_S, 2))
    states, _ = await watched(checks, lambda states, _: len(states) >= 3)
    assert set(states) == {""}


async def test_failures_in_a_row_make_it_unready_until_it_answers_again() -> None:
    checks = Checks(readiness=Check(script("", "503", "503", ""), PERIOD_S, 2))
    states, _ = await watched(checks, lambda states, _: states.count("") >= 2)
    assert states[:3] == ["", "not ready: 503", ""]


async def test_a_container_that_is_not_alive_is_restarted() -> None:
    checks = Checks(liveness=Check(script("", "503"), PERIOD_S, 3))
    _, restarts = await watched(checks, lambda _, restarts: restarts)
    assert restarts == ["not alive: 503"]


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.1 399 Odd\r\n\r\n", ""),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", "/readyz: answered 503"),
        (b"", "/readyz: answered nothing"),
        (b"hello\r\n", "/readyz: answered nothing"),
    ],
)
async def test_a_status_from_200_to_399_is_a_success(answer: bytes, wrong: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        assert await http_get(server.sockets[0].getsockname()[1], "/readyz", 2) == wrong


async def test_silence_is_a_failure_after_the_timeout() -> None:
    with socket.socket() as silent:
        silent.bind((HOST, 0))
        silent.listen()
        assert await http_get(silent.getsockname()[1], "/livez", 0.05) == "/livez: no answer in 0.05 s"


async def test_nobody_listening_is_a_failure() -> None:
    server = await asyncio.start_server(lambda *_: None, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert await http_get(port, "/livez", 1) == "/livez: connection refused"
