"""Whether a pipeline grows: what is held on the heap while a million calls go through it, a tenth of them failing once.

Python's own count of allocated blocks is exact, and knows nothing of what other processes do. It is read after each
tenth of the calls; from the first reading on it must stay where it is.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks.perf.policies import BUSY, EVERYTHING, EVERYTHING_AT_REPLICAS, OK, at_replicas, under
from benchmarks.perf.stacks import Case
from resilience_lib import Outcome

CALLS = 1_000_000
READINGS = 10
BETWEEN_TURNS = 100
FAILING = 10
"""One in so many first tries fails."""


@dataclass(frozen=True, slots=True)
class Grown:
    """What was allocated, and how much larger the process became, from the first reading to the last."""

    name: str
    calls: int
    blocks: int
    kilobytes: int
    blocks_per_thousand_calls: float
    rounds: int = 1


async def measure(calls: int = CALLS) -> list[Grown]:
    """Send `calls` calls through each pipeline under every policy."""
    return [
        await _grown("library", under(EVERYTHING, _failing_now_and_then()), calls),
        await _grown("full-stack", at_replicas(EVERYTHING_AT_REPLICAS, _failing_now_and_then()), calls),
    ]


def _failing_now_and_then() -> Case:
    tries = 0

    async def attempt() -> Outcome[Any]:
        nonlocal tries
        tries += 1
        return OK if tries % (FAILING + 1) else BUSY

    return attempt


async def _grown(name: str, call: Case, calls: int) -> Grown:
    each, process = calls // READINGS, psutil.Process()
    await _make(call, each)
    blocks, resident = _blocks(), process.memory_info().rss
    for _ in range(READINGS - 1):
        await _make(call, each)
    more = _blocks() - blocks
    larger = (process.memory_info().rss - resident) // 1024
    return Grown(name, each * READINGS, more, larger, more / (each * (READINGS - 1)) * 1000)


async def _make(call: Case, times: int) -> None:
    for number in range(times):
        await call()
        if number % BETWEEN_TURNS == 0:
            # asyncio throws timers that were disarmed away on its own turn, and these calls wait for nothing
            await asyncio.sleep(0)


def _blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()
