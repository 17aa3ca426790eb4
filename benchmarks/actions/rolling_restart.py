"""Every replica is drained and started again, one after the other: what a new version of the code costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from benchmarks.actions.action import Action
from benchmarks.faults import Fault, Proof, Site, Victim
from benchmarks.faults.site import Keep
from benchmarks.faults.whole import whole
from k8s.target import Ability, World


class RollingRestart(Action):
    """As a Deployment with maxSurge 0 and maxUnavailable 1 does it: a replica is ready before the next one goes."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.SIGNALS})

    kind: Literal["rolling-restart"]

    def at(self, site: Site) -> Fault:
        """The restart of every replica."""
        return Rolled(site.world, site.victims, site.keep)


@dataclass(slots=True)
class Rolled:
    """Proven by the restarts that the target counts; over when every replica is ready.

    On a cluster another pod comes in a replica's place: that it is gone proves it, and all of its deployment must be
    ready.
    """

    world: World
    victims: Sequence[Victim]
    keep: Keep
    before: dict[str, int] = field(default_factory=dict)
    deployments: set[str] = field(default_factory=set)

    async def inject(self) -> None:
        """Restart them in order; a cancellation lets the one that is on its way come back."""
        names = {victim.pod for victim in self.victims}
        pods = [pod for pod in (await self.world.status()).pods if pod.name in names]
        self.before = {pod.name: pod.restarts for pod in pods}
        self.deployments = {pod.deployment for pod in pods}
        for victim in self.victims:
            await self.keep([victim.pod])
            await whole([self.world.restart(victim.pod)])

    async def remove(self) -> None:
        """There is nothing to undo."""

    async def proof(self) -> Proof:
        """Who was started again, or replaced, and who is ready."""
        now = {pod.name: pod for pod in (await self.world.status()).pods if pod.deployment in self.deployments}
        return Proof(
            fired={pod: now[pod].restarts - before if pod in now else 1 for pod, before in self.before.items()},
            gone={name: pod.ready for name, pod in now.items()},
        )
