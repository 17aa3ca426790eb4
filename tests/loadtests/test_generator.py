"""The generator process, loading real servers."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import fmean
from typing import Any

import aiohttp
import pytest

from loadtests.audit import Audit
from loadtests.client import Generator
from loadtests.frames import frame_of
from loadtests.rows import Outcome, Row, read_rows
from loadtests.run import RunSpec
from loadtests.schedule import arrivals
from tests.loadtests.servers import (
    Behaviour,
    answering,
    breaking_off,
    closing,
    nobody,
    redirecting,
    remembering,
    resetting,
    serving,
    silent,
)


def spec(rows: Path, *entries: str, **changed: Any) -> RunSpec:
    return RunSpec.model_validate(
        {
            "id": "test",
            "rows": rows,
            "start_monotonic": time.monotonic() + 0.05,
            "load": {"pattern": "constant", "rate": 50},
            "duration_s": 0.5,
            "seed": 7,
            "entries": entries,
            "timeout_s": 2,
            "capacity": 100,
            **changed,
        }
    )


@pytest.fixture
async def generator() -> AsyncIterator[Generator]:
    async with await Generator.start() as running:
        yield running


async def play(generator: Generator, run: RunSpec) -> tuple[Audit, list[Row]]:
    return await generator.run(run), read_rows(run.rows)


async def test_every_arrival_of_the_schedule_has_its_row(generator: Generator, tmp_path: Path) -> None:
    async with serving(answering(200)) as one, serving(answering(200)) as other:
        run = spec(tmp_path / "rows", one.entry, other.entry, load={"pattern": "poisson", "rate": 50})
        audit, rows = await play(generator, run)
    schedule = arrivals(run.load, run.duration_s, run.seed, run.entries)
    assert [(row.index, row.at, row.entry) for row in rows] == [(a.index, round(a.at_s, 6), a.entry) for a in schedule]
    assert {row.outcome for row in rows} == {Outcome.SUCCESS}
    assert (audit.arrivals, audit.sent, audit.dropped, audit.interrupted) == (len(schedule), len(schedule), 0, False)
    assert len(one.bodies) + len(other.bodies) == len(schedule)


async def test_each_frame_sent_is_the_one_that_the_seed_names(generator: Generator, tmp_path: Path) -> None:
    async with serving(answering(200)) as server:
        run = spec(tmp_path / "rows", server.entry)
        _, rows = await play(generator, run)
    known = [frame_of(arrival, run.seed) for arrival in arrivals(run.load, run.duration_s, run.seed, run.entries)]
    sent = {frame["id"]: frame["image"] for frame in map(json.loads, server.bodies)}
    assert sent == {frame.id: frame.image for frame in known}
    assert [row.frame_id for row in rows] == [frame.id for frame in known]


async def test_an_entry_behind_a_relay_is_asked_by_its_path(generator: Generator, tmp_path: Path) -> None:
    async with serving(answering(200)) as server:
        await play(generator, spec(tmp_path / "rows", f"{server.entry}/key/airport/collector-0/8080"))
    assert set(server.lines) == {"POST /key/airport/collector-0/8080/frame HTTP/1.1"}


async def test_connections_are_kept_alive(generator: Generator, tmp_path: Path) -> None:
    async with serving(answering(200)) as server:
        await play(generator, spec(tmp_path / "rows", server.entry))
    assert len(server.bodies) == 25
    assert server.connections < 13  # each new one is an answer that a busy machine gave later than the next was due


async def test_a_run_begins_without_connections_of_the_one_before(generator: Generator, tmp_path: Path) -> None:
    async with serving(answering(200)) as server:
        await play(generator, spec(tmp_path / "rows", server.entry))
        before = server.connections
        await play(generator, spec(tmp_path / "rows", server.entry))
    assert server.connections > before


async def test_looks_at_the_dashboard_are_gets_without_a_body_and_an_old_answer_is_a_fallback(
    generator: Generator, tmp_path: Path
) -> None:
    async with serving(remembering) as server:
        load = {"pattern": "constant", "rate": 50, "what": "dashboards"}
        _, rows = await play(generator, spec(tmp_path / "rows", server.entry, load=load))
    assert server.bodies == [b""] * 25
    assert {*server.lines} == {"GET / HTTP/1.1"}
    assert [(row.status, row.outcome) for row in rows] == [(200, Outcome.FALLBACK)] * 25


CLASSES: dict[str, tuple[Behaviour | None, int | None, Outcome]] = {
    "200": (answering(200), 200, Outcome.SUCCESS),
    "503": (answering(503), 503, Outcome.REJECTED),
    "504": (answering(504), 504, Outcome.TIMEOUT),
    "500": (answering(500), 500, Outcome.ERROR),
    "404": (answering(404), 404, Outcome.ERROR),
    "redirect": (redirecting, 307, Outcome.ERROR),
    "silence": (silent, None, Outcome.TIMEOUT),
    "closed": (closing, None, Outcome.CONNECTION),
    "reset": (resetting, None, Outcome.CONNECTION),
    "broken off": (breaking_off, None, Outcome.CONNECTION),
    "refused": (None, None, Outcome.CONNECTION),
}


@pytest.fixture(scope="module")
def classed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[Row], int | None]]:
    """Load every behaviour in one run; give the rows of each, and how many requests reached its server if any."""

    async def play_all() -> dict[str, tuple[list[Row], int | None]]:
        async with AsyncExitStack() as stack:
            servers = {
                name: await stack.enter_async_context(serving(behaviour)) if behaviour else None
                for name, (behaviour, _, _) in CLASSES.items()
            }
            entries = {name: server.entry if server else nobody() for name, server in servers.items()}
            load = {"pattern": "constant", "rate": 200}
            generator = await stack.enter_async_context(await Generator.start())
            run = spec(tmp_path_factory.mktemp("rows") / "rows", *entries.values(), load=load, timeout_s=0.5)
            _, rows = await play(generator, run)
            return {
                name: ([row for row in rows if row.entry == entry], None if server is None else len(server.bodies))
                for (name, entry), server in zip(entries.items(), servers.values(), strict=True)
            }

    return asyncio.run(play_all())


@pytest.mark.parametrize("name", CLASSES)
def test_an_answer_is_classed_by_its_status_or_by_why_there_is_none(
    classed: dict[str, tuple[list[Row], int | None]], name: str
) -> None:
    _, status, outcome = CLASSES[name]
    rows, _ = classed[name]
    assert {(row.status, row.outcome) for row in rows} == {(status, outcome)}


@pytest.mark.parametrize("name", [name for name, (behaviour, _, _) in CLASSES.items() if behaviour])
def test_nothing_is_sent_twice_and_no_redirect_is_followed(
    classed: dict[str, tuple[list[Row], int | None]], name: str
) -> None:
    rows, reached = classed[name]
    assert reached == len(rows) > 0


async def test_the_timeout_ends_a_request_in_time(generator: Generator, tmp_path: Path) -> None:
    async with serving(silent) as server:
        _, rows = await play(generator, spec(tmp_path / "rows", server.entry, timeout_s=0.4))
    assert all(row.end is not None and row.sent is not None and 0.39 < row.end - row.sent < 1.0 for row in rows)


async def test_an_open_loop_counts_a_stall_from_the_intended_times_and_a_closed_loop_hides_it(
    generator: Generator, tmp_path: Path
) -> None:
    began = time.monotonic()

    async def stalling(writer: asyncio.StreamWriter) -> None:
        """Answer nothing from second 1.0 to 2.0 after `began`, as a paused process does."""
        since = time.monotonic() - began
        await answering(200, after_s=2.0 - since if 1.0 <= since < 2.0 else 0.0)(writer)

    async def closed_loop(entry: str) -> list[float]:
        """Send the next request when the last one is answered and 20 ms are over, as most load tests do."""
        taken = []
        async with aiohttp.ClientSession() as session:
            while (sent := time.monotonic()) < began + 3:
                async with session.post(f"http://{entry}/frame", data=b"{}") as response:
                    await response.read()
                taken.append(time.monotonic() - sent)
                await asyncio.sleep(max(0.0, sent + 0.02 - time.monotonic()))
        return taken

    async with serving(stalling) as server:
        run = spec(tmp_path / "rows", server.entry, duration_s=3, start_monotonic=began)
        closed, (_, rows) = await asyncio.gather(closed_loop(server.entry), play(generator, run))
    slow_open = [row for row in rows if row.latency_s is not None and row.latency_s > 0.25 and row.at >= 1.0]
    slow_closed = [seconds for seconds in closed if seconds > 0.25]
    assert 1 <= len(slow_closed) <= 3
    # 50 a second for the three quarters of the stall that leave more than 0.25 s to wait
    assert 28 <= len(slow_open) <= 47
    assert fmean(row.latency_s or 0 for row in slow_open) == pytest.approx(0.625, abs=0.15)


async def test_late_arrivals_leave_at_once_and_their_latency_says_so(generator: Generator, tmp_path: Path) -> None:
    async with serving(answering(200)) as server:
        run = spec(tmp_path / "rows", server.entry, start_monotonic=time.monotonic() - 60)
        audit, rows = await play(generator, run)
    assert len(rows) == 25
    assert audit.lateness_p50_ms > 59_000
    assert all(row.latency_s is not None and row.latency_s > 59 for row in rows)


async def test_an_arrival_that_finds_the_pool_full_is_a_counted_drop(generator: Generator, tmp_path: Path) -> None:
    async with serving(answering(200, after_s=0.3)) as server:
        audit, rows = await play(generator, spec(tmp_path / "rows", server.entry, capacity=5))
    dropped = [row for row in rows if row.outcome is Outcome.DROPPED]
    assert len(rows) == audit.arrivals == 25
    assert audit.dropped == len(dropped) == 25 - len(server.bodies) > 0
    assert all(row.sent is None and row.end is None and row.status is None for row in dropped)


async def test_capacity_bounds_what_is_in_flight_and_nothing_queues_below_it(
    generator: Generator, tmp_path: Path
) -> None:
    async with serving(answering(200, after_s=0.4)) as server:
        audit, rows = await play(
            generator, spec(tmp_path / "rows", server.entry, load={"pattern": "constant", "rate": 200})
        )
    assert audit.dropped == 0
    assert server.connections > 50
    assert max(row.latency_s or 0 for row in rows) < 1.5  # ten at a time would need 4 s


class Process:
    """The generator without its client: JSON lines by hand."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def say(self, line: str | bytes) -> None:
        """Write one line."""
        assert self.process.stdin
        self.process.stdin.write(line.encode() + b"\n" if isinstance(line, str) else line + b"\n")

    async def hear(self) -> dict[str, Any]:
        """Read one answer."""
        assert self.process.stdout
        return dict(json.loads(await self.process.stdout.readline()))

    async def hear_the_end(self) -> dict[str, Any]:
        """Read the first answer that is no progress."""
        while "progress" in (said := await self.hear()):
            pass
        return said

    def close_stdin(self) -> None:
        """Say that there is nothing more to come."""
        assert self.process.stdin
        self.process.stdin.close()


@pytest.fixture
async def process() -> AsyncIterator[Process]:
    arguments = (sys.executable, "-m", "loadtests.generator")
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe)
    generator = Process(running)
    assert await generator.hear() == {"ready": True}
    yield generator
    if running.returncode is None:
        running.kill()
    await running.communicate()


async def test_a_bad_line_is_answered_with_its_errors_and_the_next_one_is_played(
    process: Process, tmp_path: Path
) -> None:
    async with serving(answering(200)) as server:
        process.say("not json")
        process.say('{"id": ""}')
        process.say(b"\xff\xfe")
        process.say(spec(tmp_path / "rows", server.entry).model_dump_json())
        assert "the line: " in (await process.hear())["error"]
        assert "capacity: Field required" in (await process.hear())["error"]
        assert "error" in await process.hear()
        assert (await process.hear_the_end())["done"]["sent"] == 25


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"rows": "/nowhere/at/all.csv.gz"},
            "rows: /nowhere/at/all.csv.gz cannot be written: No such file or directory",
        ),
        ({"start_monotonic": 1.7e9}, "start_monotonic: must be a time near now on this machine's CLOCK_MONOTONIC"),
    ],
)
async def test_a_run_that_cannot_be_played_says_why(
    process: Process, tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    process.say(spec(tmp_path / "rows", nobody()).model_copy(update=changed).model_dump_json())
    assert reason in (await process.hear())["error"]


async def test_progress_is_told_while_a_run_lasts(process: Process, tmp_path: Path) -> None:
    async with serving(answering(503)) as server:
        process.say(spec(tmp_path / "rows", server.entry, duration_s=1.2).model_dump_json())
        said = [(await process.hear())["progress"] for _ in range(2)]
    assert said[0]["sent"] < said[1]["sent"] < 60
    assert all(one["ok"] == 0 < one["done"] <= one["sent"] for one in said)


async def test_the_process_ends_when_its_stdin_closes(process: Process) -> None:
    process.close_stdin()
    assert await asyncio.wait_for(process.process.wait(), 5) == 0


async def begun(process: Process, rows: Path, entry: str) -> None:
    process.say(spec(rows, entry, duration_s=60, start_monotonic=time.monotonic()).model_dump_json())
    while (await process.hear())["progress"]["done"] == 0:
        pass


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, None])
async def test_an_interrupted_run_keeps_its_rows_and_says_that_it_was_interrupted(
    process: Process, tmp_path: Path, how: signal.Signals | None
) -> None:
    async with serving(answering(200)) as server:
        await begun(process, tmp_path / "rows", server.entry)
        if how:
            process.process.send_signal(how)
        else:
            process.close_stdin()
        report = (await process.hear_the_end())["done"]
        assert await asyncio.wait_for(process.process.wait(), 5) == 0
    rows = read_rows(tmp_path / "rows")
    assert report["interrupted"] is True
    assert report["arrivals"] == 3000
    assert len(rows) == report["sent"] == len(server.bodies)


async def test_an_interruption_does_not_wait_for_answers_that_never_come(process: Process, tmp_path: Path) -> None:
    async with serving(answering(200)) as quick, serving(silent) as never:
        process.say(spec(tmp_path / "rows", quick.entry, never.entry, duration_s=60, timeout_s=60).model_dump_json())
        while (await process.hear())["progress"]["done"] == 0:
            pass
        process.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.process.wait(), 3) == 0
    rows = read_rows(tmp_path / "rows")
    assert {row.outcome for row in rows} == {Outcome.SUCCESS}, "a request without an answer yet is none of the outcomes"


async def test_a_killed_generator_leaves_no_file_that_looks_whole(process: Process, tmp_path: Path) -> None:
    async with serving(answering(200)) as server:
        await begun(process, tmp_path / "rows", server.entry)
        process.process.kill()
        await process.process.wait()
    assert not (tmp_path / "rows").exists()


async def test_it_does_not_start_where_hidden_retries_cannot_be_switched_off() -> None:
    without = "from geventhttpclient import client; from loadtests import generator as g; del client.{}; g.main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", without.format("_may_retry_after_send_error")), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"its silent resends cannot be switched off" in said
    assert b"Traceback" not in said
