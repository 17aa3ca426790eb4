"""A service is given another number of replicas while it is under load."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from benchmarks.actions.action import Action
from benchmarks.faults import Fault, Proof, Service, Site
from benchmarks.faults.whole import whole
from k8s.target import World

Replicas = Annotated[int, Field(ge=1, le=10)]


class Scale(Action):
    """From `before` replicas to `after`; the cell begins with `before`, and ends with as many as there were."""

    kind: Literal["scale"]
    before: Replicas
    after: Replicas

    def at(self, site: Site) -> Fault:
        """The change of the number."""
        return Scaled(site.world, self.service, self.after)

    @asynccontextmanager
    async def prepared(self, world: World) -> AsyncIterator[None]:
        """Begin with `before`, and put things back."""
        there = len(await replicas(world, self.service))
        try:
            await whole([world.scale(self.service, self.before)])
            yield
        finally:
            await whole([world.scale(self.service, there)])

    def problems(self, _fault_s: float) -> Iterator[str]:
        """Something must change; what is scaled away under load would take its counters with it."""
        if self.after <= self.before:
            yield f"after: above `before`, {self.before}"


@dataclass(slots=True)
class Scaled:
    """Proven by the replicas that are ready."""

    world: World
    service: Service
    wanted: int
    seen: dict[str, int] = field(default_factory=dict)

    async def inject(self) -> None:
        """Scale, and wait until they are ready."""
        before = set(await replicas(self.world, self.service))
        await whole([self.world.scale(self.service, self.wanted)])
        self.seen = {pod: int(ready) for pod, ready in (await replicas(self.world, self.service)).items()}
        self.seen = {pod: ready for pod, ready in self.seen.items() if pod not in before}

    async def remove(self) -> None:
        """They stay until the cell is over."""

    async def proof(self) -> Proof:
        """Which replicas came, and whether they are ready still."""
        now = await replicas(self.world, self.service)
        return Proof(fired=dict(self.seen) or {self.service: 0}, gone={pod: now.get(pod, False) for pod in self.seen})


async def replicas(world: World, service: str) -> dict[str, bool]:
    """The pods of a service, and whether each is ready."""
    return {pod.name: pod.ready for pod in (await world.status()).pods if pod.service == service}
