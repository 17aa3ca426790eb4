"""Where a fault is injected: all that a kind of fault may need to act, to prove itself and to be gone again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp

from benchmarks.faults.fault import Victim
from k8s.target import World

Keep = Callable[[Sequence[str]], Awaitable[None]]
"""Notes what pods have counted that are about to lose it: a process that dies takes its counters with it."""


async def nothing_kept(_pods: Sequence[str]) -> None:
    """Stand in where nobody adds up counters."""


@dataclass(frozen=True, slots=True)
class Site:
    """The victims in their world.

    `id` names the fault: the victims draw from it, so it must be the same in every arm of a repetition, as `seed` is.
    `ttl_s`: after so many seconds the fault ends by itself, should the harness be dead.
    """

    world: World
    http: aiohttp.ClientSession
    victims: Sequence[Victim]
    id: str
    seed: int
    ttl_s: float
    clock: Callable[[], float] = time.monotonic
    keep: Keep = nothing_kept
