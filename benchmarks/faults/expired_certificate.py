"""A sidecar's certificate has expired: nobody believes it any more, although the application lives."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from benchmarks.faults.fault import Fault, FaultFailed, Proof, Victim
from benchmarks.faults.site import Site
from benchmarks.faults.spec import Spec
from benchmarks.faults.whole import whole
from k8s.target import Ability, World

# Of Envoy's inbound listener: handshakes that came to nothing, and until when its certificate is good.
_FAILED = re.compile(r"listener\..+\.ssl\.connection_error")
_ENDS = re.compile(r"listener\..+\.ssl\.certificate\.default\.expiration_unix_time_seconds")
# Envoy's gauges follow its certificates at once; this is for a machine that is busy.
_DEADLINE_S = 10.0


class ExpiredCertificate(Spec):
    """The victims' certificates ended an hour ago, and the connections of those who call them are renewed.

    It is what is left when the agent that renews certificates has failed for a day: a new connection is refused by the
    caller, in the handshake, before a request is sent.
    """

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.CERTIFICATES})
    awaited: ClassVar[str] = "the next connection of a caller"

    kind: Literal["expired-certificate"]

    def at(self, site: Site) -> Fault:
        """The certificates of the victims."""
        return Expired(site.world, site.victims, site.ttl_s)


@dataclass(slots=True)
class Expired:
    """Proven by handshakes that failed at each victim; over when its certificate is good in the future.

    `wall`: seconds since 1970.
    """

    world: World
    victims: Sequence[Victim]
    ttl_s: float
    wall: Callable[[], float] = time.time
    failed_before: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)

    async def inject(self) -> None:
        """Let them expire; returns when the victims' Envoys have those certificates."""
        self.failed_before = self._count(await self.world.proxy_stats())
        await whole(self.world.expire(victim.pod, self.ttl_s) for victim in self.victims)

    async def remove(self) -> None:
        """Renew them; raises FaultFailed when one is not seen to be good."""
        self.failed = await self._failures()
        await whole([self.world.renew()])
        try:
            async with asyncio.timeout(_DEADLINE_S):
                while not all((await self._good()).values()):  # noqa: ASYNC110 - Envoy tells it when it is asked
                    await asyncio.sleep(0.05)
        except TimeoutError:
            bad = ", ".join(pod for pod, good in (await self._good()).items() if not good)
            raise FaultFailed(f"not renewed {_DEADLINE_S:g} s after the order: the certificates of {bad}") from None

    async def proof(self) -> Proof:
        """Handshakes that failed while it lasted, and whether each certificate is good."""
        return Proof(fired=self.failed or await self._failures(), gone=await self._good())

    async def _failures(self) -> dict[str, int]:
        now = self._count(await self.world.proxy_stats())
        return {pod: max(0, now[pod] - before) for pod, before in self.failed_before.items()}

    def _count(self, stats: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
        return {
            victim.pod: sum(n for name, n in stats.get(victim.pod, {}).items() if _FAILED.fullmatch(name))
            for victim in self.victims
        }

    async def _good(self) -> dict[str, bool]:
        """Whether what each victim shows its callers ends later than now."""
        stats = await self.world.proxy_stats()
        ends = {
            victim.pod: [n for name, n in stats.get(victim.pod, {}).items() if _ENDS.fullmatch(name)]
            for victim in self.victims
        }
        return {pod: bool(found) and min(found) > self.wall() for pod, found in ends.items()}
