"""The handle that the bench has on the generator."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from loadtests.client import Generator, GeneratorError, RunRefusedError, RunSpec
from loadtests.rows import read_rows
from tests.loadtests.servers import answering, nobody, serving


def spec(rows: Path, entry: str, duration_s: float = 0.3) -> RunSpec:
    return RunSpec.model_validate(
        {
            "id": "test",
            "rows": rows,
            "start_monotonic": time.monotonic() + 0.02,
            "load": {"pattern": "constant", "rate": 50},
            "duration_s": duration_s,
            "seed": 7,
            "entries": [entry],
            "timeout_s": 2,
            "capacity": 100,
        }
    )


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until_gone(pid: int, within_s: float) -> bool:
    async with asyncio.timeout(within_s):
        while not gone(pid):  # noqa: ASYNC110 - another process tells no event of ours
            await asyncio.sleep(0.05)
    return True


async def test_one_generator_plays_run_after_run_and_ends_when_closed(tmp_path: Path) -> None:
    async with await Generator.start() as generator, serving(answering(200)) as server:
        audits = [await generator.run(spec(tmp_path / str(number), server.entry)) for number in range(2)]
    assert [audit.sent for audit in audits] == [15, 15]
    assert all(audit.hidden_retries_off and not audit.interrupted for audit in audits)
    assert gone(generator.pid)


async def test_the_first_run_is_not_late_although_the_process_is_new(tmp_path: Path) -> None:
    async with await Generator.start() as generator, serving(answering(200)) as server:
        audit = await generator.run(spec(tmp_path / "rows", server.entry))
    assert audit.lateness_p50_ms < 100  # the process takes half a second to be ready


async def test_progress_reaches_the_caller(tmp_path: Path) -> None:
    heard: list[int] = []
    async with await Generator.start() as generator, serving(answering(200)) as server:
        await generator.run(spec(tmp_path / "rows", server.entry, 1.2), lambda progress: heard.append(progress["ok"]))
    assert 2 <= len(heard) <= 4
    assert heard == sorted(heard)


async def test_a_refused_run_leaves_the_generator_ready_for_the_next(tmp_path: Path) -> None:
    async with await Generator.start() as generator, serving(answering(200)) as server:
        with pytest.raises(RunRefusedError, match=r"rows: .*missing/rows cannot be written"):
            await generator.run(spec(tmp_path / "missing" / "rows", server.entry))
        assert (await generator.run(spec(tmp_path / "rows", server.entry))).sent == 15


async def test_a_dead_generator_is_an_error_with_how_it_ended(tmp_path: Path) -> None:
    async with await Generator.start() as generator, serving(answering(200)) as server:
        run = asyncio.create_task(generator.run(spec(tmp_path / "rows", server.entry, 30)))
        await asyncio.sleep(0.2)
        os.kill(generator.pid, signal.SIGKILL)
        with pytest.raises(GeneratorError, match="killed by signal 9"):
            await run
        with pytest.raises(GeneratorError, match="start another"):
            await generator.run(spec(tmp_path / "rows", server.entry))


async def test_a_generator_that_cannot_start_says_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gevent.py").write_text("raise ImportError('gevent is broken here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(GeneratorError, match=r"(?s)exit code 1.*gevent is broken here"):
        await Generator.start()


async def test_a_cancelled_run_ends_the_generator_and_keeps_its_rows(tmp_path: Path) -> None:
    async with await Generator.start() as generator, serving(answering(200)) as server:
        run = asyncio.create_task(generator.run(spec(tmp_path / "rows", server.entry, 30)))
        await asyncio.sleep(0.4)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert await until_gone(generator.pid, within_s=5)
    assert 5 < len(read_rows(tmp_path / "rows")) < 100


PARENT = """
import asyncio, sys
from pathlib import Path
from loadtests.client import Generator, RunSpec
async def main():
    generator = await Generator.start()
    print(generator.pid, flush=True)
    await generator.run(RunSpec.model_validate_json(sys.argv[1]))
asyncio.run(main())
"""


async def test_the_generator_dies_with_its_killed_parent(tmp_path: Path) -> None:
    run = spec(tmp_path / "rows", nobody(), 60).model_dump_json()
    parent = await asyncio.create_subprocess_exec(*(sys.executable, "-c", PARENT, run), stdout=asyncio.subprocess.PIPE)
    assert parent.stdout
    generator = int(await parent.stdout.readline())
    await asyncio.sleep(0.2)
    assert not gone(generator)
    parent.kill()
    await parent.wait()
    assert await until_gone(generator, within_s=5)


async def test_neither_gevent_nor_locust_enters_the_process_that_measures() -> None:
    look = "import sys, loadtests.client; sys.exit(bool({'gevent', 'locust', 'geventhttpclient'} & set(sys.modules)))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", look)
    assert await process.wait() == 0
