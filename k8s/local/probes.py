"""Startup, readiness and liveness of one container, asked as a kubelet would: by HTTP, by TCP, or by a program.

HTTP and TCP ask the application itself, whatever sidecar it has. In a cluster a kubelet would reach the sidecar, which
takes any connection and refuses one without a certificate under STRICT; istiod therefore rewrites both kinds into
requests to the agent, which asks the application on the pod's loopback. A program runs in the container, where no
sidecar is in its way, and is left as it is.
https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from k8s.local.models import Container, Probe
from k8s.local.ports import HOST
from k8s.local.process import die_with_parent

SAID = 200
"""Bytes of what a program printed that are told."""
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


Execute = Callable[[Sequence[str], float], Awaitable[str]]
"""Runs a program in the container, for some seconds at most; returns what is wrong, or an empty string."""


def of_container(container: Container, ports: Mapping[int, int], execute: Execute) -> Checks:
    """Return the probes that a manifest declares; `ports` are this machine's, by container port."""
    declared = (container.startup_probe, container.readiness_probe, container.liveness_probe)
    return Checks(*(_check(container, probe, ports, execute) if probe else None for probe in declared))


def _check(container: Container, probe: Probe, ports: Mapping[int, int], execute: Execute) -> Check:
    timeout_s = probe.timeout_seconds

    async def ask() -> str:
        if probe.exec:
            return await execute(probe.exec.command, timeout_s)
        port = ports[container.port(probe.port or "http") or 0]  # manifests.read has seen to it that there is one
        return await (
            http_get(port, probe.http_get.path, timeout_s) if probe.http_get else tcp_connect(port, timeout_s)
        )

    return Check(ask, probe.period_seconds, probe.failure_threshold)


async def tcp_connect(port: int, timeout_s: float) -> str:
    """Open a connection and close it; returns what is wrong, or an empty string. A process that hangs passes."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.transport.abort()
    except TimeoutError:
        return f"tcp: no connection in {timeout_s:g} s"
    except ConnectionRefusedError:
        return "tcp: connection refused"
    except OSError as error:
        return f"tcp: {error.strerror or error}"
    return ""


async def execute(argv: Sequence[str], env: Mapping[str, str], cwd: Path, timeout_s: float) -> str:
    """Run a program to its end, and kill it, with all that it started, after `timeout_s` seconds.

    Returns what is wrong, with the end of what it printed; an empty string for exit code 0.
    """
    name = Path(argv[0]).name
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, env=dict(env), cwd=cwd, process_group=0, preexec_fn=die_with_parent(os.getpid()),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        return f"exec {name}: {error.strerror or error}"
    try:
        async with asyncio.timeout(timeout_s):
            said = await _tail(process.stdout)
            code = await process.wait()
    except TimeoutError:
        return f"exec {name}: no end in {timeout_s:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError):  # what it left behind goes too
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return f"exec {name}: exit code {code}{said and ': '}{said}" if code else ""


async def _tail(stream: asyncio.StreamReader | None) -> str:
    """Read to the end; returns the last line, shortened."""
    end = b""
    while stream is not None and (chunk := await stream.read(SAID)):
        end = (end + chunk)[-SAID:]
    lines = end.decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


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
