"""A new version is out on a share of the traffic, and is rolled back at the end of the phase."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from benchmarks.actions.action import Action
from benchmarks.actions.apply import Applied
from benchmarks.actions.scale import Replicas
from benchmarks.actions.split import NotSplit, shifted, split
from benchmarks.faults import Fault, FaultFailed, Proof, Site, Victim, injected
from benchmarks.faults.site import Keep
from benchmarks.faults.whole import whole
from k8s.render import WITH_SIDECARS
from k8s.target import World

OLD: Final = "v1"
NEW: Final = "v2"
WITHDRAWN = {OLD: 100, NEW: 0}
"""The weights after the rollback."""
VERSIONED = ("image-analysis",)
"""Services that have a deployment of NEW, without a replica until it is out."""


class Canary(Action):
    """`new` replicas of v2 stand beside `old` ones of v1 from before the cell to the end of the fault phase.

    With sidecars a VirtualService gives v2 its weight, and the rollback is an apply of the weights 100 and 0. Without,
    the Service selects the pods of both versions, as a team without a mesh has it: the share is that of the replicas,
    in new connections, and the rollback scales v2 to none. Weight and share of the replicas are the same number.
    """

    kind: Literal["canary"]
    old: Replicas
    new: Replicas

    @property
    def share(self) -> float:
        """Of the calls that v2 shall get, 0 to 1."""
        return self.new / (self.old + self.new)

    @property
    def weights(self) -> dict[str, int]:
        """Per cent of the calls, by version."""
        return {OLD: 100 - round(100 * self.share), NEW: round(100 * self.share)}

    def problems(self, _fault_s: float) -> Iterator[str]:
        """Weights are whole per cent, and there must be a v2."""
        if self.service not in VERSIONED:
            yield f"service: {self.service} has no {NEW}; choose from: {', '.join(VERSIONED)}"
        if 100 * self.new % (self.old + self.new):
            yield f"new: {self.new} of {self.old + self.new} replicas is no whole per cent, as a weight is"

    @asynccontextmanager
    async def prepared(self, world: World) -> AsyncIterator[None]:
        """Begin with v2 out on its share, and put things back."""
        there = len(await _replicas(world, self.service))
        async with AsyncExitStack() as stack:
            for deployment, replicas, after in ((_next(self.service), self.new, 0), (self.service, self.old, there)):
                stack.push_async_callback(_scaled, world, deployment, after)
                await _scaled(world, deployment, replicas)
            if routed(world):
                await stack.enter_async_context(injected(Applied(world, await self._split(world))))
            yield

    def at(self, site: Site) -> Fault:
        """The time in which v2 is out, which ends with the rollback."""
        new = [victim for victim in site.victims if victim.pod.startswith(f"{_next(self.service)}-")]
        return Released(site.world, self, new, site.keep)

    def rollback(self, before: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the VirtualService while v2 is out, and as it is rolled back; `before`: the arm's objects.

        Raises NotSplit.
        """
        route, _ = split(before, self.service, self.weights)
        return route, shifted(route, WITHDRAWN)

    async def _split(self, world: World) -> list[dict[str, Any]]:
        try:
            return split(await world.get(), self.service, self.weights)
        except NotSplit as error:
            raise FaultFailed(f"{world.name}: {error}") from error


@dataclass(slots=True)
class Released:
    """Proven by v2's replicas, ready when the phase begins; over when the weights are applied, or they are gone."""

    world: World
    canary: Canary
    new: Sequence[Victim]
    keep: Keep
    seen: dict[str, int] = field(default_factory=dict)
    wanted: list[dict[str, Any]] = field(default_factory=list)

    async def inject(self) -> None:
        """See that v2 is there: it has been since before the cell."""
        now = await _replicas(self.world, _next(self.canary.service))
        self.seen = {victim.pod: int(now.get(victim.pod, False)) for victim in self.new}

    async def remove(self) -> None:
        """Roll back."""
        if not self.seen:
            return
        if routed(self.world):
            self.wanted = [shifted(one, WITHDRAWN) for one in await self._routes()]
            await whole([self.world.apply(self.wanted)])
        else:
            await self.keep([victim.pod for victim in self.new])
            await whole([self.world.scale(_next(self.canary.service), 0)])

    async def proof(self) -> Proof:
        """Who was there, and whether nothing is sent to it any more."""
        if routed(self.world):
            gone = bool(self.wanted) and await self._routes() == self.wanted
            return Proof(dict(self.seen), dict.fromkeys(self.seen, gone))
        left = await _replicas(self.world, _next(self.canary.service))
        return Proof(dict(self.seen), {pod: pod not in left for pod in self.seen})

    async def _routes(self) -> list[Mapping[str, Any]]:
        return [
            one
            for one in await self.world.get()
            if one["kind"] == "VirtualService" and self.canary.service in one["spec"]["hosts"]
        ]


def routed(world: World) -> bool:
    """Whether calls are shared out by weight and not by replicas."""
    return world.mode in WITH_SIDECARS


def _next(service: str) -> str:
    """The deployment of v2."""
    return f"{service}-{NEW}"


async def _scaled(world: World, deployment: str, replicas: int) -> None:
    if len(await _replicas(world, deployment)) != replicas:
        await whole([world.scale(deployment, replicas)])


async def _replicas(world: World, deployment: str) -> dict[str, bool]:
    """The pods of a deployment, and whether each is ready."""
    return {pod.name: pod.ready for pod in (await world.status()).pods if pod.deployment == deployment}
