"""A replica is gone, and nobody who calls it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from benchmarks.faults.fault import Fault, Proof
from benchmarks.faults.killed import Killed
from benchmarks.faults.site import Site
from benchmarks.faults.spec import Spec
from benchmarks.faults.whole import whole
from k8s.target import Ability, World


class StaleDiscovery(Spec):
    """Withholds every change of endpoints, from clients and control plane alike, and kills the victims meanwhile.

    They are down for `down_s`: their connections break, and every new one is refused.
    """

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.DISCOVERY, Ability.SIGNALS})
    awaited: ClassVar[str] = "the restart after down_s"

    kind: Literal["stale-discovery"]
    down_s: Annotated[float, Field(gt=0)]

    def at(self, site: Site) -> Fault:
        """The stale view, and the deaths that it hides."""
        return Stale(site.world, Killed(site.world, site.victims, self.down_s, site.clock, keep=site.keep), site.ttl_s)

    def scaled(self, factor: float) -> Self:
        """The time that it holds the victims down is a part of the fault phase."""
        return self.model_copy(update={"down_s": self.down_s * factor})

    def problems(self, fault_s: float) -> Iterator[str]:
        """A victim must be let up again within the phase."""
        if self.down_s > fault_s:
            yield f"down_s: at most the fault phase, {fault_s} s"


@dataclass(slots=True)
class Stale:
    """Proven by the changes that were withheld; over when they are told and the victims are back."""

    world: World
    deaths: Killed
    ttl_s: float
    withheld: int | None = None

    async def inject(self) -> None:
        """Withhold first: the deaths are what must not be told."""
        await whole([self.world.hold_discovery(self.ttl_s)])
        await self.deaths.inject()

    async def remove(self) -> None:
        """Tell everybody, and wait until the victims are back."""
        self.withheld = await self.world.release_discovery()
        await self.deaths.remove()

    async def proof(self) -> Proof:
        """Changes withheld while each victim was dead, and whether it is back."""
        proof, withheld = await self.deaths.proof(), self.withheld
        if withheld is None:  # how many is told at the end only: until then, that they are withheld at all
            withheld = int("stale-discovery" in (await self.world.status()).ailing)
        return Proof({pod: min(times, withheld) for pod, times in proof.fired.items()}, proof.gone)
