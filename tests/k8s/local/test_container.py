from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from k8s.local.container import Container
from k8s.local.probes import Checks
from k8s.local.process import Process
from k8s.target import TargetError
from tests.k8s.tiny import BROKEN
from tests.k8s.waiting import until

FOREVER = "import time; time.sleep(60)"


class Running:
    """A container of this program, and the processes it had."""

    def __init__(self, folder: Path, program: str) -> None:
        self.lives: list[Process] = []
        self.news = 0
        self.log, self.program = folder / "app.log", program
        self.container = Container("app", self.start, Checks(), self.log, self.changed)

    def start(self) -> Process:
        # No readiness probe here means: ready as soon as the process is there.
        self.lives.append(Process([sys.executable, "-S", "-c", self.program], {}, Path("/"), self.log))
        return self.lives[-1]

    def changed(self) -> None:
        self.news += 1


@asynccontextmanager
async def running(folder: Path, program: str = FOREVER) -> AsyncIterator[Running]:
    one = Running(folder, program)
    one.container.run()
    try:
        yield one
    finally:
        await one.container.stop(1)


async def test_a_killed_container_is_started_again_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as one:
        await until(lambda: one.container.ready)
        one.container.kill()
        await until(lambda: len(one.lives) == 2 and one.container.ready)
        assert one.container.restarts == 1
    assert not any(life.running for life in one.lives)


async def test_it_is_not_ready_from_its_end_to_its_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as one:
        await until(lambda: one.container.ready)
        one.container.kill(hold_s=0.3)
        await until(lambda: not one.container.ready)
        assert one.container.reason == "killed by SIGKILL"
        assert one.container.restarts == 0
        await until(lambda: one.container.ready)


async def test_restarts_in_a_row_wait_longer_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 6:
            raise RuntimeError("seen enough")

    monkeypatch.setattr("asyncio.sleep", sleep)
    one = Running(tmp_path, BROKEN)
    with pytest.raises(RuntimeError, match="seen enough"):
        await one.container._run()
    assert waits == [0, 1, 2, 4, 8, 8]


async def test_why_it_ended_is_its_exit_code_and_its_last_words(tmp_path: Path) -> None:
    async with running(tmp_path, BROKEN) as one:
        # Between the second start and its readiness the reason is still the first end's.
        await until(lambda: one.container.waiting)
        assert one.container.reason.splitlines() == [
            "exit code 3",
            "  no such table: frames",
            "  no such table: frames",
        ]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (TargetError("there is no Envoy for this platform"), "there is no Envoy for this platform"),
        (KeyError("x"), "KeyError('x')"),
    ],
)
async def test_a_container_that_cannot_be_started_says_why(tmp_path: Path, error: Exception, why: str) -> None:
    def start() -> Process:
        raise error

    one = Container("proxy", start, Checks(), tmp_path / "log", lambda: None)
    one.run()
    await until(lambda: one.restarts)
    assert one.reason == f"cannot start: {why}"
    await one.stop(1)


async def test_cpu_of_ended_processes_is_kept(tmp_path: Path) -> None:
    async with running(tmp_path, "import time\nwhile time.process_time() < 0.2: pass\ntime.sleep(60)") as one:
        await until(lambda: one.container.usage().cpu_s >= 0.1)
        one.container.kill()
        await until(lambda: len(one.lives) == 2)
        assert one.container.usage().cpu_s >= 0.1


async def test_a_frozen_container_goes_on_after_its_ttl(tmp_path: Path) -> None:
    async with running(tmp_path) as one:
        await until(lambda: one.container.ready)
        process = psutil.Process(one.lives[0].pid)
        one.container.freeze(0.2)
        await until(lambda: process.status() == psutil.STATUS_STOPPED)
        await until(lambda: process.status() != psutil.STATUS_STOPPED)
        assert len(one.lives) == 1


async def test_what_does_not_run_cannot_be_killed(tmp_path: Path) -> None:
    one = Running(tmp_path, FOREVER)
    with pytest.raises(TargetError, match="container app does not run: not started yet"):
        one.container.kill()
