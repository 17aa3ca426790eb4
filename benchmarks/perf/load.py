"""The load generator itself, against a server that does nothing: how late, how fast, and whether it hides a stall."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measures.latency import percentile
from benchmarks.results import read_rows
from loadtests.client import Audit, Generator
from loadtests.frames import EPOCH, Frames
from loadtests.rows import Row
from loadtests.run import RunSpec
from loadtests.schedule import Load, arrivals

STEADY_RATE = 300.0
STALL_RATE = 50.0
STALL_S = 0.1
"""Of a stalled run's length: 2 s in 20 s."""
OVER = 1.1
"""Arrivals at saturation, as a multiple of what bare users send in a second: an open loop that is offered far more than
it can send spends its time on dropping, which is no sending."""
CAPACITY = 900
USERS = 50
"""Bare users, and requests in flight at saturation: to open hundreds of connections is no sending either."""
LEAD_S = 0.3


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured: the median of `rounds`, their range, and the goal that it is held against."""

    name: str
    value: float
    spread: tuple[float, float]
    unit: str
    goal: str
    rounds: int


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found; see `measure`."""

    lateness_p50_ms: float
    lateness_p99_ms: float
    stall_p95_ms: float
    percentile_error: float
    full_rate: float
    bare_rate: float


GOALS = {
    "lateness at 300/s, p50": ("lateness_p50_ms", "ms", ""),
    "lateness at 300/s, p99": ("lateness_p99_ms", "ms", "below 5"),
    "stall of a tenth of the run at 50/s, p95": ("stall_p95_ms", "ms", "about half the stall"),
    "percentiles against the rows' own, worst": ("percentile_error", "share", "below 0.01"),
    "most requests per CPU second": ("full_rate", "1/s", ""),
    "the same, bare FastHttpUser": ("bare_rate", "1/s", ""),
}


async def measure(rounds: int, seconds: float) -> list[Figure]:
    """Measure everything `rounds` times in turn; the stalled run lasts `seconds`, the others an eighth and a quarter.

    Requests per CPU second of the sending process, at saturation: what one undisturbed core can send in a second,
    even where others use the core too. The server has another core, where there is one.
    """
    found = [await _round(seconds) for _ in range(rounds)]
    figures = [
        _figure(name, [float(getattr(each, field)) for each in found], unit, goal)
        for name, (field, unit, goal) in GOALS.items()
    ]
    ratios = [each.full_rate / each.bare_rate for each in found]
    return [*figures, _figure("ratio to bare FastHttpUser", ratios, "", "at least 0.9")]


def _figure(name: str, values: Sequence[float], unit: str, goal: str) -> Figure:
    return Figure(name, statistics.median(values), (min(values), max(values)), unit, goal, len(values))


async def _round(seconds: float) -> Round:
    with tempfile.TemporaryDirectory(prefix="goaround-perf-") as folder:
        rows = Path(folder) / "rows.csv.gz"
        async with await Generator.start() as generator:
            _pin(generator.pid, first=True)
            async with null_server(seconds * 0.45, seconds * STALL_S) as entry:
                _, stalled = await _play(generator, rows, entry, STALL_RATE, seconds)
            async with null_server() as entry:
                steady, sent = await _play(generator, rows, entry, STEADY_RATE, seconds / 4)
                bare = await _bare(entry, seconds / 8)
                offered = OVER * bare["requests"] / bare["seconds"]
                full, _ = await _play(generator, rows, entry, offered, seconds / 8, capacity=USERS)
    return Round(
        steady.lateness_p50_ms,
        steady.lateness_p99_ms,
        percentile(_latencies(stalled), 0.95) or 0.0,
        max(percentile_error(stalled), percentile_error(sent)),
        full.sent / full.cpu_s,
        bare["requests"] / bare["cpu_s"],
    )


def percentile_error(rows: Sequence[Row]) -> float:
    """The worst relative difference between a percentile that is reported and the rank in the rows that it stands for.

    By counting, without the code that reports: at least the share `q` of the values lies at or below the value.
    """
    values = _latencies(rows)
    worst = 0.0
    for q in (0.5, 0.9, 0.95, 0.99):
        exact = next(each for each in sorted(values) if sum(one <= each for one in values) >= q * len(values))
        worst = max(worst, abs((percentile(values, q) or 0.0) / exact - 1))
    return worst


def _latencies(rows: Sequence[Row]) -> list[float]:
    return [row.latency_s * 1000 for row in rows if row.latency_s is not None]


async def _play(
    generator: Generator, rows: Path, entry: str, rate: float, duration_s: float, capacity: int = CAPACITY
) -> tuple[Audit, list[Row]]:
    spec = RunSpec(
        id="perf",
        rows=rows,
        start_monotonic=time.monotonic() + LEAD_S,
        load=Load(pattern="constant", rate=rate),
        duration_s=duration_s,
        seed=1,
        entries=(entry,),
        timeout_s=30,
        capacity=capacity,
    )
    return await generator.run(spec), read_rows(rows)


async def _bare(entry: str, seconds: float) -> dict[str, float]:
    """Bare users send as many bytes as a frame has; to make frames is the generator's work, and theirs is none."""
    arrival = arrivals(Load(pattern="constant", rate=1), 1, 1, (entry,))[0]
    size = len(Frames("1", EPOCH).body(arrival))
    command = (sys.executable, "-m", "benchmarks.perf.bare_user", entry, str(seconds), str(size), str(USERS))
    pipes: dict[str, Any] = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(*command, **pipes)
    _pin(process.pid, first=True)
    said, wrong = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the bare users ended with {process.returncode}: {wrong.decode()}")
    found: dict[str, float] = json.loads(said)
    return found


@asynccontextmanager
async def null_server(*stall: float) -> AsyncIterator[str]:
    """A null server in a process of its own; gives its host:port. See benchmarks.perf.null_server for `stall`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.perf.null_server", *map(str, stall)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - pipes were asked for
    try:
        _pin(process.pid, first=False)
        yield f"127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.stdin.close()
        await process.wait()


def _pin(pid: int, *, first: bool) -> None:
    """Keep senders on one core and servers on another. Where the system cannot, or has one core, it decides itself."""
    with contextlib.suppress(AttributeError, OSError, IndexError):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(pid, {cores[0] if first else cores[1]})
