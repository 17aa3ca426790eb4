"""The process of a replica is killed (SIGKILL); the pod's own restart policy starts it again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from benchmarks.faults.fault import Fault, FaultFailed, Proof, Victim
from benchmarks.faults.site import Site
from benchmarks.faults.spec import Spec
from k8s.target import World

# Longer than a service takes to start on a busy machine, shorter than a person's patience.
RESTART_DEADLINE_S = 15.0


class Crash(Spec):
    """Kills the application's process and holds it down for `down_s`; then the pod's restart policy acts."""

    loses_counters: ClassVar[bool] = True

    kind: Literal["crash"]
    down_s: Annotated[float, Field(ge=0)] = 0.0

    def at(self, site: Site) -> Fault:
        """The kill of every victim."""
        return Killed(site.world, site.victims, self.down_s, site.clock)

    def scaled(self, factor: float) -> Self:
        """The time that it holds the victim down is a part of the fault phase."""
        return self.model_copy(update={"down_s": self.down_s * factor})

    def problems(self, fault_s: float) -> Iterator[str]:
        """A victim must be let up again within the phase."""
        if self.down_s > fault_s:
            yield f"down_s: at most the fault phase, {fault_s} s"


@dataclass(slots=True)
class Killed:
    """Kills each victim's application once and holds it down for `down_s`; removal waits until all are ready again."""

    world: World
    victims: Sequence[Victim]
    down_s: float
    clock: Callable[[], float]
    restarts_before: dict[str, int] = field(default_factory=dict)

    async def inject(self) -> None:
        """Note the restarts so far, then kill."""
        self.restarts_before = await self._restarts()
        await asyncio.gather(*(self.world.kill(victim.pod, ttl_s=self.down_s) for victim in self.victims))

    async def remove(self) -> None:
        """Wait for the restart; raises FaultFailed when a victim is not back in time."""
        deadline = self.clock() + RESTART_DEADLINE_S
        while missing := await self._missing():
            if self.clock() > deadline:
                raise FaultFailed(f"not ready again after {RESTART_DEADLINE_S:g} s: {', '.join(missing)}")
            await asyncio.sleep(0.1)

    async def proof(self) -> Proof:
        """Restarts counted by the target since the injection; gone when the pod is ready."""
        now = await self._restarts()
        missing = set(await self._missing())
        return Proof(
            fired={pod: now[pod] - before for pod, before in self.restarts_before.items()},
            gone={victim.pod: victim.pod not in missing for victim in self.victims},
        )

    async def _restarts(self) -> dict[str, int]:
        names = {victim.pod for victim in self.victims}
        return {pod.name: pod.restarts for pod in (await self.world.status()).pods if pod.name in names}

    async def _missing(self) -> list[str]:
        names = {victim.pod for victim in self.victims}
        ready = {pod.name for pod in (await self.world.status()).pods if pod.ready}
        return sorted(names - ready)
