"""Istio objects are applied to a world under load, and taken back at the end of the phase."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from benchmarks.actions.action import Action
from benchmarks.actions.rollout import POLICIES, RolledOut, replicas_of
from benchmarks.faults import Fault, Proof, Service, Site
from benchmarks.faults.whole import whole
from istio.objects import Document, Key, Refused, parse
from k8s.render import WITH_SIDECARS, moved
from k8s.target import Ability, World


class Apply(Action):
    """`objects` are created, or replace those of their name; `service` is whom they concern.

    With sidecars they are applied. A library reads its policies when it starts, so there the same change is a rollout:
    what is derived of the objects is written into its file, and `callers`, the services that call `service`, are
    started again, one replica after the other. It is taken back after the cell.
    """

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.POLICIES})

    kind: Literal["apply"]
    callers: tuple[Service, ...] = ()
    objects: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]

    def at(self, site: Site) -> Fault:
        """The change of the objects, or the rollout of what they say."""
        if site.world.mode in WITH_SIDECARS:
            return Applied(site.world, self.objects)
        return RolledOut(site.world, self.service, self.callers, self.objects, site.keep)

    @asynccontextmanager
    async def prepared(self, world: World) -> AsyncIterator[None]:
        """Put a library's file back after the cell, and start those again that have read another."""
        if world.mode in WITH_SIDECARS:
            yield
            return
        before = await world.config(POLICIES)
        try:
            yield
        finally:
            if await world.config(POLICIES) != before:
                await whole([world.configure(POLICIES, before)])
                await whole(world.restart(victim.pod) for victim in await replicas_of(world, self.callers))

    def problems(self, _fault_s: float) -> Iterator[str]:
        """What istiod would refuse, and callers that are the way in: a load does not wait for them to be back."""
        if "collector" in self.callers:
            yield "callers: not collector: the load enters there, and finds no other way in while it is started again"
        try:
            parse([Document(one) for one in self.objects])
        except Refused as refused:
            yield from (f"objects: {error}" for error in refused.errors)


@dataclass(slots=True)
class Applied:
    """Proven by what the world says is in effect."""

    world: World
    objects: Sequence[Mapping[str, Any]]
    before: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    took: dict[str, int] = field(default_factory=dict)

    async def inject(self) -> None:
        """Apply, and see that every object is in effect."""
        self.before = await self._there()
        homes = {str(one["metadata"].get("namespace")) for one in self.before.values()}
        if len(homes) == 1:
            # written for where our manifests have the application; a world of a cluster has a namespace of its own
            (home,) = homes
            self.objects = [moved(dict(one), home) for one in self.objects]
        await whole([self.world.apply(self.objects)])
        now = await self._there()
        self.took = {str(Document(one).key): int(now.get(Document(one).key) == one) for one in self.objects}

    async def remove(self) -> None:
        """Put back what was replaced, and delete what was created."""
        now = await self._there()
        mine = [Document(one).key for one in self.objects]
        if replaced := [self.before[one] for one in mine if one in self.before and now.get(one) != self.before[one]]:
            await self.world.apply(replaced)
        if created := [now[one] for one in mine if one in now and one not in self.before]:
            await self.world.delete(created)

    async def proof(self) -> Proof:
        """What was in effect, and whether all is as it was."""
        now = await self._there()
        keys = [Document(one).key for one in self.objects]
        return Proof(
            fired=dict(self.took),
            gone={str(key): now.get(key) == self.before.get(key) for key in keys},
        )

    async def _there(self) -> dict[Key, Mapping[str, Any]]:
        return {Document(one).key: one for one in await self.world.get()}
