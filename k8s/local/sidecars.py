"""All sidecars of a world, asked and changed together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from istio import stats
from istio.admin import Unreachable
from istio.ejections import Ejection
from istio.localise import Unplaced
from istio.sidecar import Rejected, Sidecar
from k8s.target import TargetError

RESET_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Sidecars:
    """Each by its pod's name. Whoever changes some of them takes the `turn`, so that no two changes cross."""

    by_pod: dict[str, Sidecar] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def each(self, pods: Iterable[str], change: Callable[[Sidecar], Coroutine[Any, Any, None]]) -> None:
        """Change these at once; one that does not run is left to what it finds when it starts.

        Raises TargetError with Envoy's words when one refuses.
        """
        names = list(pods)
        results = await asyncio.gather(*(change(self.by_pod[name]) for name in names), return_exceptions=True)
        _raise_if_refused(dict(zip(names, results, strict=True)))

    async def stats(self) -> dict[str, dict[str, int]]:
        """Envoy's numbers by pod; a sidecar that does not run has none."""
        names = list(self.by_pod)
        found = await asyncio.gather(*(self.by_pod[name].stats() for name in names), return_exceptions=True)
        _raise_if_refused(dict(zip(names, found, strict=True)))
        return {name: {} if isinstance(one, BaseException) else one for name, one in zip(names, found, strict=True)}

    def ejections(self) -> dict[str, list[Ejection]]:
        """When which sidecar ejected whom, by pod."""
        return {name: found for name, sidecar in self.by_pod.items() if (found := sidecar.ejections())}

    async def reset(self) -> None:
        """Replace every cluster by an equal new one, and wait until no sidecar ejects anybody."""
        async with self.turn:
            await self.each(self.by_pod, lambda sidecar: sidecar.reset())
        deadline = asyncio.get_running_loop().time() + RESET_DEADLINE_S
        while ejecting := [pod for pod, flat in (await self.stats()).items() if _ejections(flat)]:
            if asyncio.get_running_loop().time() > deadline:
                raise TargetError([f"{pod} still ejects a replica after {RESET_DEADLINE_S:g} s" for pod in ejecting])
            await asyncio.sleep(0.05)


def _raise_if_refused(results: Mapping[str, object]) -> None:
    errors = []
    for pod, result in results.items():
        if isinstance(result, Rejected | TimeoutError | Unplaced):
            errors.append(f"the sidecar of {pod}: {result}")
        elif isinstance(result, BaseException) and not isinstance(result, Unreachable):
            raise result
    if errors:
        raise TargetError(errors)


def _ejections(flat: Mapping[str, int]) -> int:
    return sum(edge.active_ejections for edge in stats.edges(flat).values())
