"""The sidecar of a replica is killed, and its application lives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from benchmarks.faults.fault import Fault
from benchmarks.faults.killed import Killed
from benchmarks.faults.site import Site
from benchmarks.faults.spec import Spec
from k8s.target import Ability


class SidecarCrash(Spec):
    """Kills Envoy and holds it down for `down_s`: nothing reaches the pod, and the pod reaches nobody."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.SIDECARS})
    awaited: ClassVar[str] = "the restart after down_s"

    kind: Literal["sidecar-crash"]
    down_s: Annotated[float, Field(ge=0)] = 0.0

    def at(self, site: Site) -> Fault:
        """The kill of every victim's sidecar."""
        return Killed(site.world, site.victims, self.down_s, site.clock, "proxy")

    def scaled(self, factor: float) -> Self:
        """The time that it holds the victim down is a part of the fault phase."""
        return self.model_copy(update={"down_s": self.down_s * factor})

    def problems(self, fault_s: float) -> Iterator[str]:
        """A victim must be let up again within the phase."""
        if self.down_s > fault_s:
            yield f"down_s: at most the fault phase, {fault_s} s"
