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
    """Proven by the restarts that the target counts; over when every replica is ready."""

    world: World
    victims: Sequence[Victim]
    keep: Keep
    before: dict[str, int] = field(default_factory=dict)

    async def inject(self) -> None:
        """Restart them in order; a cancellation lets the one that is on its way come back."""
        self.before = {pod: restarts for pod, (restarts, _) in (await self._pods()).items()}
        for victim in self.victims:
            await self.keep([victim.pod])
            await whole([self.world.restart(victim.pod)])

    async def remove(self) -> None:
        """There is nothing to undo."""

    async def proof(self) -> Proof:
        """Who was started again, and who is ready."""
        now = await self._pods()
        return Proof(
            fired={pod: now[pod][0] - before for pod, before in self.before.items()},
            gone={pod: ready for pod, (_, ready) in now.items()},
        )

    async def _pods(self) -> dict[str, tuple[int, bool]]:
        names = {victim.pod for victim in self.victims}
        return {pod.name: (pod.restarts, pod.ready) for pod in (await self.world.status()).pods if pod.name in names}
