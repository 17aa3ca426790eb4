from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from k8s.local import manifests, probes
from k8s.local.ports import HOST
from k8s.local.probes import Check, Checks, execute, http_get, of_container, tcp_connect, watch
from tests.k8s.tiny import deployment
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


async def test_a_connection_that_is_accepted_is_enough_by_tcp_though_nobody_ever_answers() -> None:
    with socket.socket() as silent:
        silent.bind((HOST, 0))
        silent.listen()
        assert await tcp_connect(silent.getsockname()[1], 2) == ""


async def test_a_port_that_is_closed_is_a_failure_by_tcp() -> None:
    with socket.socket() as closed:
        closed.bind((HOST, 0))
        assert await tcp_connect(closed.getsockname()[1], 2) == "tcp: connection refused"


@pytest.mark.parametrize(
    ("program", "wrong"),
    [
        ("print('well')", ""),
        ("raise SystemExit(3)", "exec python: exit code 3"),
        ("print('first'); print('no such table: frames'); raise SystemExit(1)",
         "exec python: exit code 1: no such table: frames"),
        ("import os; raise SystemExit(os.environ['STORE_DIR'] != 'here')", ""),
        ("print('x' * 100_000); raise SystemExit(1)", f"exec python: exit code 1: {'x' * 199}"),
    ],
)  # fmt: skip
async def test_a_program_that_ends_with_0_is_a_success_and_else_its_last_words_are_told(
    program: str, wrong: str, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    assert await execute([str(python), "-c", program], {"STORE_DIR": "here"}, tmp_path, 30) == wrong


async def test_a_program_that_does_not_end_is_killed_with_what_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = f"sleep 1000 & echo $! > {note}; wait"
    assert await execute(["sh", "-c", program], {"PATH": os.environ["PATH"]}, tmp_path, 1) == "exec sh: no end in 1 s"
    await eventually(lambda: not alive(int(note.read_text())))


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_program_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    assert await execute(["no-such-program"], {}, tmp_path, 1) == "exec no-such-program: No such file or directory"


async def test_each_probe_asks_as_it_is_declared_at_the_port_that_it_names() -> None:
    ran: list[tuple[tuple[str, ...], float]] = []

    async def run(command: Sequence[str], timeout_s: float) -> str:
        ran.append((tuple(command), timeout_s))
        return "exit code 1"

    document = deployment("alerts")
    (container,) = document["spec"]["template"]["spec"]["containers"]
    container["startupProbe"] = {"tcpSocket": {"port": "admin"}}
    container["readinessProbe"] = {"exec": {"command": ["test", "-e", "/data"]}, "timeoutSeconds": 4}
    container["livenessProbe"] = {"httpGet": {"path": "/livez", "port": 8080}}
    declared = manifests.read([document]).deployments["alerts"].container
    with socket.socket() as admin, socket.socket() as closed:
        admin.bind((HOST, 0))
        admin.listen()
        closed.bind((HOST, 0))
        checks = of_container(declared, {8080: closed.getsockname()[1], 9090: admin.getsockname()[1]}, run)
        asked = [await check.ask() for check in (checks.startup, checks.readiness, checks.liveness) if check]
    assert asked == ["", "exit code 1", "/livez: connection refused"]
    assert ran == [(("test", "-e", "/data"), 4)]
