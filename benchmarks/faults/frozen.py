"""A process that is stopped (SIGSTOP): what a freeze of an application and of a sidecar share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import aiohttp

from benchmarks.faults.fault import FaultFailed, Proof, Victim
from benchmarks.faults.process import ended_after
from benchmarks.faults.site import Keep, nothing_kept
from benchmarks.faults.whole import whole
from k8s.target import World

# A signal is in effect in less; the system is asked until it says so.
SIGNAL_DEADLINE_S = 3.0


@dataclass(slots=True)
class Frozen:
    """Stops a container of each victim until removal, or for `ttl_s` when nobody comes: the target lets it go on.

    The system is asked whether it stands still. A kubelet that finds a frozen application dead kills it: with `http`
    its pod is asked when that was.
    """

    world: World
    victims: Sequence[Victim]
    container: str
    ttl_s: float
    clock: Callable[[], float]
    keep: Keep = nothing_kept
    http: aiohttp.ClientSession | None = None
    began: float = 0.0
    stood: dict[str, int] = field(default_factory=dict)

    async def inject(self) -> None:
        """Stop them, and see that they stand still."""
        self.stood = {victim.pod: 0 for victim in self.victims}
        await self.keep(list(self.stood))
        await whole(self.world.freeze(one.pod, self.container, self.ttl_s) for one in self.victims)
        deadline = self.clock() + SIGNAL_DEADLINE_S
        while moving := set(self.stood) - await self._still():
            if self.clock() > deadline:
                raise FaultFailed(f"not stopped after {SIGNAL_DEADLINE_S:g} s: {', '.join(sorted(moving))}")
            await asyncio.sleep(self.world.pace.look_s)
        self.stood = dict.fromkeys(self.stood, 1)
        self.began = self.clock()

    async def remove(self) -> None:
        """Let them go on, and see that they do."""
        await asyncio.gather(*(self.world.thaw(one.pod, self.container) for one in self.victims))
        deadline = self.clock() + SIGNAL_DEADLINE_S
        while still := await self._still():
            if self.clock() > deadline:
                raise FaultFailed(f"still stopped after {SIGNAL_DEADLINE_S:g} s: {', '.join(sorted(still))}")
            await asyncio.sleep(self.world.pace.look_s)

    async def proof(self) -> Proof:
        """Whether each stood still once, whether it does now, and whether another process stands in its place."""
        still = await self._still()
        moving = [one for one in self.victims if one.pod not in still]
        return Proof(
            fired=dict(self.stood),
            gone={one.pod: one.pod not in still for one in self.victims},
            cut_short=await ended_after(self.http, moving, self.began, self.clock) if self.http else {},
        )

    async def _still(self) -> set[str]:
        pods = await self.world.look([victim.pod for victim in self.victims])
        return {pod.name for pod in pods if self.container in pod.frozen}
