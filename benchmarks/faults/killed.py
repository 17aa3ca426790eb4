"""A process that is killed, and the proof that it is back: what a crash of an application and of a sidecar share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.faults.fault import FaultFailed, Proof, Victim
from benchmarks.faults.site import Keep, nothing_kept
from benchmarks.faults.whole import whole
from k8s.target import Pod, World


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
        pace = self.world.pace
        deadline = self.clock() + pace.restart_s
        while missing := await self._missing():
            if self.clock() > deadline:
                raise FaultFailed(f"not ready again after {pace.restart_s:g} s: {', '.join(missing)}")
            await asyncio.sleep(pace.look_s)

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
        return {pod.name: pod.restarts for pod in await self._there()}

    async def _there(self) -> list[Pod]:
        return await self.world.look([victim.pod for victim in self.victims])

    async def _missing(self) -> list[str]:
        """Victims that are not back: a moment after the signal, the target may not have noticed the death yet."""
        pods = {pod.name: pod for pod in await self._there()}
        return sorted(
            victim.pod
            for victim in self.victims
            if victim.pod not in pods
            or not pods[victim.pod].ready
            or (victim.pod in self.killed and pods[victim.pod].restarts == self.restarts_before[victim.pod])
        )
