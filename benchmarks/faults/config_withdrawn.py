"""The mesh loses its policies: every Istio object is gone for a while, and Istio's own defaults act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from benchmarks.faults.fault import Fault, Proof
from benchmarks.faults.site import Site
from benchmarks.faults.spec import Spec
from benchmarks.faults.whole import whole
from k8s.target import Ability, World


class ConfigWithdrawn(Spec):
    """Takes the objects of the whole world out of effect; `service` is whom the question is about."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.WITHDRAWAL})

    kind: Literal["config-withdrawn"]

    def at(self, site: Site) -> Fault:
        """The withdrawal."""
        return Withdrawn(site.world, site.ttl_s)


@dataclass(slots=True)
class Withdrawn:
    """Proven by what the world says is in effect: nothing, and then what there was."""

    world: World
    ttl_s: float
    before: int = 0
    left: int = 0

    async def inject(self) -> None:
        """Withdraw, and see that nothing is left."""
        self.before = len(await self.world.get())
        await whole([self.world.withdraw(self.ttl_s)])
        self.left = len(await self.world.get())

    async def remove(self) -> None:
        """Put everything back."""
        await self.world.restore()

    async def proof(self) -> Proof:
        """How many objects were withdrawn, and whether as many are in effect again."""
        now = len(await self.world.get())
        return Proof({"istio": self.before - self.left}, {"istio": now == self.before})
