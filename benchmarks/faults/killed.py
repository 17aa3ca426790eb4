"""A process that is killed, and the proof that it is back: what a crash of an application and of a sidecar share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.faults.fault import FaultFailed, Proof, Victim
from benchmarks.faults.site import Keep, nothing_kept
from benchmarks.faults.whole import whole
from k8s.target import World

# Longer than a service takes to start on a busy machine, shorter than a person's patience.
RESTART_DEADLINE_S = 15.0


@dataclass(slots=True)
class Killed:
    """Kills a container of each victim once and holds it down for `down_s`; removal waits until all are ready again."""

    world: World
    victims: Sequence[Victim]
    down_s: float
    clock: Callable[[], float]
    container: str = "app"
    keep: Keep = nothing_kept
    restarts_before: dict[str, int] = field(default_factory=dict)
    killed: set[str] = field(default_factory=set)

    async def inject(self) -> None:
        """Note the restarts so far, then kill; raises FaultFailed when a victim is not there any more."""
        await self.keep([victim.pod for victim in self.victims])
        self.restarts_before = await self._restarts()
        if gone := sorted({victim.pod for victim in self.victims} - self.restarts_before.keys()):
            raise FaultFailed(f"not there any more, so it cannot be killed: {', '.join(gone)}")
        await whole(self._kill(victim.pod) for victim in self.victims)

    async def remove(self) -> None:
        """Wait for the restart; raises FaultFailed when a victim is not back in time."""
        deadline = self.clock() + RESTART_DEADLINE_S
        while missing := await self._missing():
            if self.clock() > deadline:
                raise FaultFailed(f"not ready again after {RESTART_DEADLINE_S:g} s: {', '.join(missing)}")
            await asyncio.sleep(0.1)

    async def proof(self) -> Proof:
        """Restarts counted by the target since the injection; gone when the pod is ready.

        A pod that was evicted or replaced meanwhile has not restarted, and is not ready again.
        """
        now = await self._restarts()
        missing = set(await self._missing())
        return Proof(
            fired={pod: now.get(pod, before) - before for pod, before in self.restarts_before.items()},
            gone={victim.pod: victim.pod not in missing for victim in self.victims},
        )

    async def _kill(self, pod: str) -> None:
        await self.world.kill(pod, self.container, self.down_s)
        self.killed.add(pod)

    async def _restarts(self) -> dict[str, int]:
        names = {victim.pod for victim in self.victims}
        return {pod.name: pod.restarts for pod in (await self.world.status()).pods if pod.name in names}

    async def _missing(self) -> list[str]:
        """Victims that are not back: a moment after the signal, the target may not have noticed the death yet."""
        pods = {pod.name: pod for pod in (await self.world.status()).pods}
        return sorted(
            victim.pod
            for victim in self.victims
            if victim.pod not in pods
            or not pods[victim.pod].ready
            or (victim.pod in self.killed and pods[victim.pod].restarts == self.restarts_before[victim.pod])
        )
