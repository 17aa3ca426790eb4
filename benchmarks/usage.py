"""What a world used in each phase of a cell: read at the ends of the phases, beside all else that goes on."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from itertools import pairwise

from k8s.target import Usage, World

BEGINNING = "beginning"


@dataclass(slots=True)
class Readings:
    """Readings of a world, by the phase at whose end each is taken, or BEGINNING, in the order of time.

    `longest_s`: how long the slowest took until now. It grows with the number of processes, and so with the arm.
    """

    world: World
    taken: dict[str, asyncio.Task[Usage]] = field(default_factory=dict)
    longest_s: float = 0.0

    def take(self, at: str) -> asyncio.Task[Usage]:
        """Begin a reading, unless there is one of this moment; nothing has to wait while memory is counted."""
        if at not in self.taken:
            self.taken[at] = asyncio.create_task(self._clocked())
        return self.taken[at]

    async def by_phase(self) -> dict[str, dict[str, dict[str, float]]]:
        """What was spent from each reading to the next, under the name of the later. Raises what a reading raises."""
        usages = await asyncio.gather(*self.taken.values())
        named = zip(list(self.taken)[1:], pairwise(usages), strict=True)
        return {phase: spent(before, after) for phase, (before, after) in named}

    async def stop(self) -> None:
        """Leave none of them running."""
        for task in self.taken.values():
            task.cancel()
        await asyncio.gather(*self.taken.values(), return_exceptions=True)

    async def _clocked(self) -> Usage:
        began = time.monotonic()
        usage = await self.world.usage()
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        return usage


def spent(before: Usage, after: Usage) -> dict[str, dict[str, float]]:
    """CPU seconds between two readings, and the bytes of memory at the later one, app and proxies apart."""
    return {
        kind: {
            "cpu_s": round(getattr(after, kind).cpu_s - getattr(before, kind).cpu_s, 4),
            "rss": getattr(after, kind).rss,
            "pss": getattr(after, kind).pss,
        }
        for kind in ("app", "proxy")
    }
