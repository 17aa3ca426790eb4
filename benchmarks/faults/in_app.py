"""Faults that the application commits on itself, when its fault control says so (see `services.runtime.faults`)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.faults.fault import Fault, FaultFailed, Proof, Victim
from benchmarks.faults.site import Site
from benchmarks.faults.spec import Spec

# A fault of these kinds is proven by calls of our own: whether the application's calls reach the victim is a result,
# and a cell must not be void because of a result. The other kinds would be used up by such calls.
PROBED = frozenset({"abort", "delay"})
MOST_PROBES = 1000


class InAppSpec(Spec):
    """A kind that the service commits on itself: its own fields are what the fault control is told."""

    kind: str

    def at(self, site: Site) -> Fault:
        """The fault that is posted to the victims."""
        own = self.model_dump(mode="json", exclude={"kind", *Spec.model_fields})
        return InApp(site.http, site.id, self.kind, own, site.victims, site.ttl_s, site.seed)


@dataclass(slots=True)
class InApp:
    """One fault of a kind that `services.runtime.faults` knows, posted to the fault control of each victim.

    `parameters` are the kind's own (`status`, `rate`, `delay_ms`, ...). Each victim draws from a seed of its own.
    The TTL, in seconds, ends the fault even when nobody comes to remove it.
    """

    http: aiohttp.ClientSession
    id: str
    kind: str
    parameters: Mapping[str, Any]
    victims: Sequence[Victim]
    ttl_s: float
    seed: int
    probes: dict[str, int] = field(default_factory=dict)

    async def inject(self) -> None:
        """Post the fault to all victims at once, and call each until it has struck."""
        await asyncio.gather(*(self._inject(i, victim) for i, victim in enumerate(self.victims)))
        if self.kind in PROBED:
            await asyncio.gather(*(self._probe(victim) for victim in self.victims))

    async def _inject(self, index: int, victim: Victim) -> None:
        spec = {
            **self.parameters,
            "id": self.id,
            "kind": self.kind,
            "ttl_s": self.ttl_s,
            "seed": self.seed + index,
        }
        status, text = await self._ask("POST", victim, f"{victim.admin}/faults", spec)
        if status != 201:
            raise FaultFailed(f"{victim.pod} refused the fault: {status} {text}")

    async def _probe(self, victim: Victim) -> None:
        """Call the victim's `/status`, which is 200 and quick by itself, until the fault has struck such a call."""
        for _ in range(MOST_PROBES):
            began = time.monotonic()
            status, _ = await self._ask("GET", victim, f"{victim.app}/status")
            waited_ms = (time.monotonic() - began) * 1000
            if status != 200 or (self.kind == "delay" and waited_ms >= self.parameters["delay_ms"]):
                self.probes[victim.pod] = 1
                return

    async def remove(self) -> None:
        """Delete the fault everywhere, also where it is unknown already."""
        await asyncio.gather(*(self._remove(victim) for victim in self.victims))

    async def _remove(self, victim: Victim) -> None:
        status, text = await self._ask("DELETE", victim, f"{victim.admin}/faults/{self.id}")
        if status not in (204, 404):
            raise FaultFailed(f"{victim.pod} kept the fault: {status} {text}")

    async def proof(self) -> Proof:
        """The victims' own counters of this fault, and whether they still list it."""
        answers = await asyncio.gather(*(self._faults(victim) for victim in self.victims))
        return Proof(
            fired={v.pod: int(a["fired"].get(self.id, 0)) for v, a in zip(self.victims, answers, strict=True)},
            gone={
                v.pod: all(f["id"] != self.id for f in a["faults"]) for v, a in zip(self.victims, answers, strict=True)
            },
            probes=dict(self.probes),
        )

    async def _faults(self, victim: Victim) -> dict[str, Any]:
        status, text = await self._ask("GET", victim, f"{victim.admin}/faults")
        if status != 200:
            raise FaultFailed(f"{victim.pod} does not tell its faults: {status} {text}")
        body: dict[str, Any] = json.loads(text)
        return body

    async def _ask(self, method: str, victim: Victim, url: str, body: object = None) -> tuple[int, str]:
        try:
            async with self.http.request(method, f"http://{url}", json=body) as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FaultFailed(f"{victim.pod} does not answer at {url}: {error}") from error
