"""A library's policy is changed: its file is written, and those who read it are started again, one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.actions.rolling_restart import Rolled
from benchmarks.faults import FaultFailed, Proof, Service, Victim, as_victims
from benchmarks.faults.site import Keep
from benchmarks.faults.whole import whole
from istio.objects import Document, parse
from k8s.render import LIBRARIES
from k8s.target import World

POLICIES = "policies"
"""The ConfigMap that holds a library's policies."""
FILE = "policies.json"
SAID = {"VirtualService": ("retry", "timeout"), "DestinationRule": ("breaker", "limits", "outlier", "balancer")}
"""Parts of a library's policy, by the kind of the object that they are derived from."""


def rewritten(file: str, mode: str, callee: str, objects: Sequence[Mapping[str, Any]]) -> str:
    """Return the library's file of a mode where `objects` replace what it says of a callee.

    What they do not say stays: a part of another kind of object, and what only a library can do.
    """
    policies: dict[str, dict[str, Any]] = json.loads(file)
    derived, _ = LIBRARIES[mode](parse([Document(one) for one in objects]), [callee])
    new = derived[callee].to_json()
    own = dict(policies.get(callee, {}))
    for part in (part for one in objects for part in SAID.get(str(one.get("kind")), ())):
        if new.get(part) is None:
            own.pop(part, None)
        else:
            own[part] = {**(own.get(part) or {}), **new[part]}
    return json.dumps({**policies, callee: own}, indent=1, sort_keys=True)


@dataclass(slots=True)
class RolledOut:
    """Proven by the restarts of those who call; over when they are ready. The file is put back after the cell."""

    world: World
    service: Service
    callers: Sequence[Service]
    objects: Sequence[Mapping[str, Any]]
    keep: Keep
    rolled: Rolled | None = None
    before: dict[str, str] = field(default_factory=dict)

    async def inject(self) -> None:
        """Write the file, and start the callers again; raises FaultFailed when there are none."""
        self.before = await self.world.config(POLICIES)
        callers = await replicas_of(self.world, self.callers)
        if not callers:
            raise FaultFailed(f"action.callers: name the services that call {self.service}: their library is told anew")
        file = rewritten(self.before[FILE], self.world.mode, self.service, self.objects)
        await whole([self.world.configure(POLICIES, {**self.before, FILE: file})])
        self.rolled = Rolled(self.world, callers, self.keep)
        await self.rolled.inject()

    async def remove(self) -> None:
        """There is nothing to undo under load."""

    async def proof(self) -> Proof:
        """Who was started again, and who is ready."""
        return await self.rolled.proof() if self.rolled else Proof({self.service: 0}, {})


async def replicas_of(world: World, services: Sequence[Service]) -> list[Victim]:
    """The pods of some services."""
    return as_victims(pod for pod in (await world.status()).pods if pod.service in services)
