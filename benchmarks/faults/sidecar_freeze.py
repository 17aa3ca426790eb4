"""The sidecar of a replica stands still, and its application lives."""

from __future__ import annotations

from typing import ClassVar, Literal

from benchmarks.faults.fault import Fault
from benchmarks.faults.frozen import Frozen
from benchmarks.faults.site import Site
from benchmarks.faults.spec import Spec
from k8s.target import Ability


class SidecarFreeze(Spec):
    """Stops Envoy: whatever enters or leaves the pod waits."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.SIDECARS})

    kind: Literal["sidecar-freeze"]

    def at(self, site: Site) -> Fault:
        """The freeze of every victim's sidecar."""
        return Frozen(site.world, site.victims, "proxy", site.ttl_s, site.clock)
