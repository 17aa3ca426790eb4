"""Startup, readiness and liveness of one container, asked as a kubelet would."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from k8s.local.models import Container, Probe
from k8s.local.ports import HOST

# A kubelet's shortest period is a second; a world of 15 pods should not wait that long 15 times.
QUICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Check:
    """`ask` returns what is wrong, or an empty string. Seconds; `threshold` failures in a row count as one."""

    ask: Callable[[], Awaitable[str]]
    period_s: float
    threshold: int


@dataclass(frozen=True, slots=True)
class Checks:
    """The probes of one container; None is a probe that always succeeds."""

    startup: Check | None = None
    readiness: Check | None = None
    liveness: Check | None = None


def of_container(container: Container, port: int) -> Checks:
    """Return the probes that a manifest declares, asked at the app's port on this machine."""
    declared = (container.startup_probe, container.readiness_probe, container.liveness_probe)
    return Checks(*(http_check(probe, port) if probe else None for probe in declared))


def http_check(probe: Probe, port: int) -> Check:
    """Make a check of a manifest's probe."""
    path = probe.http_get.path
    return Check(lambda: http_get(port, path, probe.timeout_seconds), probe.period_seconds, probe.failure_threshold)


async def http_get(port: int, path: str, timeout_s: float) -> str:
    """Ask once, on a connection of its own, and read no more than the status: 45 pods are asked for hours.

    Returns what is wrong, or an empty string for a status from 200 to 399.
    """
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                words = (await reader.readline()).split()
            finally:
                writer.transport.abort()
    except TimeoutError:
        return f"{path}: no answer in {timeout_s:g} s"
    except ConnectionRefusedError:
        return f"{path}: connection refused"
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return "" if 200 <= status < 400 else f"{path}: answered {status or 'nothing'}"


async def watch(checks: Checks, ready: Callable[[str], None], restart: Callable[[str], None]) -> None:
    """Ask until cancelled; the container has just been started.

    `ready` is called with what is wrong (empty when ready) whenever that changes, `restart` when a container must
    be killed; the caller then cancels this.
    """
    if checks.startup and not await _started(checks.startup, ready, restart):
        return
    async with asyncio.TaskGroup() as group:
        group.create_task(_readiness(checks.readiness, ready))
        if checks.liveness:
            group.create_task(_liveness(checks.liveness, restart))


async def _started(check: Check, ready: Callable[[str], None], restart: Callable[[str], None]) -> bool:
    allowed_s = check.period_s * check.threshold
    loop = asyncio.get_running_loop()
    deadline = loop.time() + allowed_s
    while wrong := await check.ask():
        ready(f"starting: {wrong}")
        if loop.time() > deadline:
            restart(f"not started within {allowed_s:g} s: {wrong}")
            return False
        await asyncio.sleep(QUICK_S)
    return True


async def _readiness(check: Check | None, ready: Callable[[str], None]) -> None:
    if check is None:
        ready("")
        return
    failures, was_ready = 0, False
    while True:
        wrong = await check.ask()
        failures = failures + 1 if wrong else 0
        if not wrong or failures >= check.threshold or not was_ready:
            ready(wrong and f"not ready: {wrong}")
        was_ready = was_ready or not wrong
        await asyncio.sleep(check.period_s if was_ready else QUICK_S)


async def _liveness(check: Check, restart: Callable[[str], None]) -> None:
    failures = 0
    while failures < check.threshold:
        await asyncio.sleep(check.period_s)
        wrong = await check.ask()
        failures = failures + 1 if wrong else 0
    restart(f"not alive: {wrong}")
