"""The process of a replica stands still (SIGSTOP): connections are accepted by the system, and nobody answers."""

from __future__ import annotations

from typing import ClassVar, Literal

from benchmarks.faults.fault import Fault
from benchmarks.faults.frozen import Frozen
from benchmarks.faults.site import Site
from benchmarks.faults.spec import Spec
from k8s.target import Ability


class Freeze(Spec):
    """Stops the application's process; readiness notices after some seconds, and liveness kills it after thirty."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.SIGNALS})

    kind: Literal["freeze"]

    def at(self, site: Site) -> Fault:
        """The freeze of every victim."""
        return Frozen(site.world, site.victims, "app", site.ttl_s, site.clock, site.keep, site.http)
