"""What pods had counted before they were started again: a process takes its counters with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.pods import Pods
from k8s.target import World


@dataclass(frozen=True, slots=True)
class _Note:
    pod: str
    restarts: int
    counters: Mapping[str, Any]
    timeline: Mapping[str, Any]


@dataclass(slots=True)
class Kept:
    """Notes of the pods of one cell, taken just before each may die. What is counted from then to its end is lost."""

    world: World
    pods: Pods
    notes: list[_Note] = field(default_factory=list)

    async def keep(self, names: Sequence[str]) -> None:
        """Note what these pods have counted. Raises PodUnreachable."""
        some = Pods(self.pods.http, [pod for pod in self.pods.pods if pod.name in names])
        restarts = await self._restarts()
        counters, timelines = await some.counters(), await some.timelines()
        self.notes += [_Note(name, restarts[name], counters[name], timelines[name]) for name in counters]

    async def lost(self) -> list[_Note]:
        """The notes of pods that were started again, or ended, since: one that lived on has all its counts still."""
        later: dict[str, float] = {**await self._restarts()}
        found = []
        for note in reversed(self.notes):
            if later.get(note.pod, math.inf) > note.restarts:
                found.append(note)
            later[note.pod] = note.restarts
        return found[::-1]

    async def _restarts(self) -> dict[str, int]:
        return {pod.name: pod.restarts for pod in (await self.world.status()).pods}
