"""Looks at a world again and again, and says what happened in the last seconds."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import aiohttp

from benchmarks.report.html.calls import places
from benchmarks.watch.edge import Edge, edges
from benchmarks.watch.snapshot import Snapshot, look
from k8s.target import World

PERIOD_S = 1.0
WINDOW_S = 5.0
"""A camera sends a frame a second: over one second its edges would blink."""


@dataclass(frozen=True, slots=True)
class View:
    """A world as it is now."""

    world: str
    mode: str
    edges: list[Edge]
    silent: list[str]

    def to_json(self) -> dict[str, Any]:
        """Give what the page draws: edges, and the column and row of each service."""
        where = places({(edge.caller, edge.callee): edge for edge in self.edges})
        return {
            "world": self.world,
            "mode": self.mode,
            "silent": self.silent,
            "services": [{"name": name, "column": column, "row": row} for name, (column, row) in where.items()],
            "edges": [
                {**{name: getattr(edge, name) for name in Edge.__dataclass_fields__}, "health": edge.health}
                for edge in self.edges
            ],
        }


async def views(world: World, http: aiohttp.ClientSession) -> AsyncGenerator[View, None]:
    """Give a view each second, over the last WINDOW_S; raises TargetError when the world is gone."""
    seen: deque[Snapshot] = deque()
    while True:
        now = await look(world, http)
        seen.append(now)
        while len(seen) > 2 and now.at_s - seen[1].at_s >= WINDOW_S:
            seen.popleft()
        yield View(world.name, world.mode, edges(seen[0], now), list(now.silent))
        await asyncio.sleep(PERIOD_S)
