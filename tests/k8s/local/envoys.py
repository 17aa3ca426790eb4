"""What a world's sidecars are without Envoys: they note what they are told, and refuse it when a test says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from istio.registry import Proxy
from istio.sidecar import Rejected, Sidecar
from k8s.local.pod import Pod
from k8s.local.sidecars import Sidecars


@dataclass
class Envoy:
    """One sidecar: refuses the next `refusals` of what it is told, and takes the rest."""

    proxy: Proxy
    refusals: int = 0
    good: bool = True
    resets: int = 0
    addresses: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    counted: Mapping[str, int] = field(default_factory=dict)

    async def publish(self, _config: object, addresses: Mapping[tuple[str, int], tuple[str, int]]) -> None:
        await self._take()
        self.addresses = addresses

    async def rotate(self, *, expired: bool = False) -> None:
        await self._take()
        self.good = not expired

    async def reset(self) -> None:
        await self._take()
        self.resets += 1

    async def stats(self) -> Mapping[str, int]:
        return self.counted

    async def _take(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Rejected("rejected: not today")


def envoys(sidecars: Sidecars, *pods: Pod) -> list[Envoy]:
    """Put one beside each pod."""
    made = [Envoy(Proxy(one.name, one.namespace, one.labels)) for one in pods]
    sidecars.by_pod.update({one.proxy.name: cast("Sidecar", one) for one in made})
    return made


class Ended:
    """In place of `Endings`: what would be undone, and when, for a test to undo."""

    def __init__(self) -> None:
        self.noted: list[tuple[float, Callable[[float], Awaitable[None]]]] = []

    def at(self, when: float, undo: Callable[[float], Awaitable[None]]) -> None:
        self.noted.append((when, undo))

    async def undo(self, number: int) -> None:
        """Let the time of one of them come."""
        when, undo = self.noted[number]
        await undo(when)
