"""What every fault offers, and the one way to inject it that always removes it again."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from benchmarks.faults.whole import whole
from k8s.target import Pod


class FaultFailed(RuntimeError):
    """A fault could not be injected or removed; the message names the pod and what it answered."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A pod that a fault acts on: the HOST:PORT of its application, past any proxy, and of its fault control."""

    pod: str
    app: str
    admin: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What the victims themselves say, by pod.

    `fired`: how often the fault acted; `probes`: how many of these were calls of the harness; `gone`: whether it has
    ended. What `fired` has beyond `probes` is how often the application itself met the fault; None where `fired` does
    not count calls. `cut_short`: where somebody else ended the victim's process, and the fault with it, after how many
    seconds: a kubelet does that to who does not answer its liveness probe, and it is a part of the result.
    """

    fired: dict[str, int]
    gone: dict[str, bool]
    probes: dict[str, int] | None = None
    cut_short: dict[str, float] = field(default_factory=dict)

    def objections(self, what: str = "fault") -> list[str]:
        """Why the cell is void, one line for each pod where the fault did not fire or is not gone.

        That nobody is named is an objection as well: a fault without a victim has shown nothing.
        """
        unproven = [f"{what} not proven to fire on {pod}" for pod, n in sorted(self.fired.items()) if n == 0]
        left = [f"{what} not proven gone from {pod}" for pod, gone in sorted(self.gone.items()) if not gone]
        if not self.fired:
            return [f"{what} not proven to fire: it had no victim", *left]
        if not self.gone:
            return [*unproven, f"{what} not proven gone: no victim tells"]
        return unproven + left


class Fault(Protocol):
    """Injected once and removed once; `remove` is safe to call when injection failed or was cancelled half-way.

    Whatever sets the fault is made `whole`, so that it cannot come after what ends it.
    """

    async def inject(self) -> None:
        """Start the fault on every victim; raises FaultFailed."""

    async def remove(self) -> None:
        """End the fault on every victim; raises FaultFailed when one still has it."""

    async def proof(self) -> Proof:
        """Ask the victims."""


@asynccontextmanager
async def injected(fault: Fault) -> AsyncIterator[Fault]:
    """Hold a fault for the duration of a block; it is removed however the block ends, a cancellation included."""
    try:
        await fault.inject()
        yield fault
    finally:
        await whole([fault.remove()])


def as_victims(pods: Iterable[Pod], version: str | None = None) -> list[Victim]:
    """Where each pod is struck; of one version alone, if that is given."""
    return [Victim(pod.name, pod.app, pod.admin) for pod in pods if version in (None, pod.version)]


def victims(pods: Sequence[Victim], replicas: int | Literal["all"], seed: int) -> list[Victim]:
    """Draw the replicas that a fault acts on: by seed, so that every arm of a repetition has the same bad replica.

    Raises:
        ValueError: there are fewer pods than replicas to be hit.

    """
    ordered = sorted(pods, key=lambda victim: victim.pod)
    if replicas == "all":
        return ordered
    if replicas > len(ordered):
        raise ValueError(f"fault.replicas: {replicas}, but the service has {len(ordered)}")
    return sorted(random.Random(f"victims/{seed}").sample(ordered, replicas), key=lambda victim: victim.pod)
