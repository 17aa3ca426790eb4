from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from k8s.local.process import Process

BUSY = "import time\nwhile time.process_time() < 0.15: pass"
FOREVER = "import time; time.sleep(60)"


def python(program: str, log: Path) -> Process:
    return Process([sys.executable, "-S", "-c", program], {}, Path("/"), log)


async def test_cpu_time_is_known_after_the_end(tmp_path: Path) -> None:
    process = python(BUSY, tmp_path / "log")
    assert await process.exited == 0
    assert process.usage().cpu_s >= 0.1
    assert process.usage().rss == 0


async def test_memory_is_known_while_it_runs(tmp_path: Path) -> None:
    process = python(FOREVER, tmp_path / "log")
    usage = process.usage()
    await process.stop(1)
    assert usage.rss > 0
    assert usage.pss is None or 0 < usage.pss <= usage.rss


async def test_output_of_both_kinds_is_in_the_log(tmp_path: Path) -> None:
    process = python("import sys; print('out', flush=True); sys.stderr.write('err')", tmp_path / "log")
    await process.exited
    assert (tmp_path / "log").read_text() == "out\nerr"


async def test_a_process_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    process = python(program, tmp_path / "log")
    while not (tmp_path / "log").read_text():
        os.sched_yield()
    await process.stop(0.1)
    assert process.exited.result() == -signal.SIGKILL


async def test_a_frozen_process_can_be_stopped(tmp_path: Path) -> None:
    process = python(FOREVER, tmp_path / "log")
    process.signal(signal.SIGSTOP)
    await process.stop(5)
    assert process.exited.result() == -signal.SIGTERM


async def test_a_program_that_does_not_exist_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Process(["/no/such/program"], {}, Path("/"), tmp_path / "log")
