"""A service runs without its resilience library: somebody forgot it, or switched it off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import aiohttp

from benchmarks.faults.fault import Fault, FaultFailed, Proof, Victim
from benchmarks.faults.process import process
from benchmarks.faults.site import Keep, Site, nothing_kept
from benchmarks.faults.spec import Spec
from benchmarks.faults.whole import whole
from k8s.target import MODE_VARIABLE, WITHOUT_LIBRARY, Ability, World


class LibraryMissing(Spec):
    """Starts the victims again without their library, one after the other; their own calls have no policy then."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.LIBRARY, Ability.SIGNALS})

    kind: Literal["library-missing"]

    def at(self, site: Site) -> Fault:
        """The victims that are told to do without."""
        return Missing(site.world, site.http, site.victims, site.ttl_s, site.keep)


@dataclass(slots=True)
class Missing:
    """Proven by what each victim's process says that it runs with, before and after; over when it has its library."""

    world: World
    http: aiohttp.ClientSession
    victims: Sequence[Victim]
    ttl_s: float
    keep: Keep = nothing_kept
    struck: dict[str, int] = field(default_factory=dict)

    async def inject(self) -> None:
        """Start them again without; raises FaultFailed when one has no library that could be missing."""
        has = await self._has()
        if bare := sorted(pod for pod, library in has.items() if not library):
            raise FaultFailed(f"no library that could be missing: {', '.join(bare)}")
        for victim in self.victims:
            await self.keep([victim.pod])
            self.struck[victim.pod] = 0
            await whole([self.world.restart(victim.pod, {MODE_VARIABLE: WITHOUT_LIBRARY}, self.ttl_s)])
        self.struck = {pod: int(not library) for pod, library in (await self._has()).items()}

    async def remove(self) -> None:
        """Start those again that were struck, one after the other, as their manifests say."""
        for pod in self.struck:
            await self.keep([pod])
            await whole([self.world.restart(pod)])

    async def proof(self) -> Proof:
        """Whether each ran without, and whether it has its library now."""
        return Proof(fired=dict(self.struck), gone=await self._has())

    async def _has(self) -> dict[str, bool]:
        told = await asyncio.gather(*(process(self.http, one.pod, one.admin) for one in self.victims))
        return {
            one.pod: said.settings[MODE_VARIABLE] != WITHOUT_LIBRARY
            for one, said in zip(self.victims, told, strict=True)
        }
