"""Faults that the application commits on itself, when its fault control says so (see `services.runtime.faults`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import aiohttp

from benchmarks.faults.fault import Fault, FaultFailed, Proof, Victim
from benchmarks.faults.process import ended_after
from benchmarks.faults.site import Keep, Site, nothing_kept
from benchmarks.faults.spec import Service, Spec
from benchmarks.faults.whole import whole
from k8s.target import World

MOST_PROBES = 1000
PROBE = "x-goaround-probe"
PROBE_PATIENCE_S = 1.0
# A condition begins within milliseconds, or a slice of 50 ms; this is for a machine that is busy.
CONDITION_PATIENCE_S = 3.0
Evidence = Literal["probes", "calls", "itself"]
"""By what a kind is proven. `probes`: calls of our own, because whether the application's calls reach the victim is a
result, and a cell must not be void because of a result. `calls`: the application's, since ours would use up a script.
`itself`: a condition of the process, which counts what it does and no calls.
"""


class InAppSpec(Spec):
    """A kind that the service commits on itself: its own fields are what the fault control is told.

    With `caller`, it strikes the calls of that service only.
    """

    proven: ClassVar[Evidence] = "calls"

    kind: str
    caller: Service | None = None

    def told(self) -> tuple[str, Mapping[str, Any]]:
        """What the fault control is told: one of its kinds, and that kind's fields."""
        own = self.model_dump(mode="json", exclude={"kind", *Spec.model_fields}, exclude_none=True)
        return self.kind, own

    def at(self, site: Site) -> Fault:
        """The fault that is posted to the victims."""
        kind, own = self.told()
        world = site.world if self.version else None
        keep = site.keep if self.proven == "itself" else nothing_kept
        return InApp(
            site.http, site.id, kind, own, site.victims, site.ttl_s, site.seed, self.proven, world, site.clock, keep
        )


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
    proven: Evidence = "probes"
    world: World | None = None
    clock: Callable[[], float] = time.monotonic
    keep: Keep = nothing_kept
    began: float = 0.0
    last: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each victim said last of this fault: its process takes it along when it ends, and its counters.

    A `world` may scale a victim away, and a kubelet starts one again that does not answer its liveness probe.
    """

    async def inject(self) -> None:
        """Post the fault to all victims at once, and wait until each has acted; those that strike calls are called."""
        await self.keep([victim.pod for victim in self.victims])
        await whole(self._inject(i, victim) for i, victim in enumerate(self.victims))
        self.began = self.clock()
        if self.proven == "probes":
            await asyncio.gather(*(self._probe(victim) for victim in self.victims))
        if self.proven == "itself":
            await asyncio.gather(*(self._sick(victim) for victim in self.victims))

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
        """Call the victim's `/status`, which is quick by itself, until the fault has struck such a call."""
        for _ in range(MOST_PROBES):
            # However the call ends, the victim knows best whether it was struck.
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with (
                    asyncio.timeout(PROBE_PATIENCE_S),
                    self.http.get(f"http://{victim.app}/status", headers={PROBE: self.id}) as answer,
                ):
                    await answer.read()
            if (await self._faults(victim))["probed"].get(self.id):
                return

    async def _sick(self, victim: Victim) -> None:
        """Ask until the condition has counted something; it may have been the end of who is asked."""
        with contextlib.suppress(FaultFailed, TimeoutError):
            async with asyncio.timeout(CONDITION_PATIENCE_S):
                while not (await self._faults(victim))["fired"].get(self.id):  # noqa: ASYNC110 - another process tells
                    await asyncio.sleep(0.01)

    async def remove(self) -> None:
        """Delete the fault everywhere, also where it is unknown already."""
        await asyncio.gather(*(self._remove(victim) for victim in await self._there()))

    async def _remove(self, victim: Victim) -> None:
        status, text = await self._ask("DELETE", victim, f"{victim.admin}/faults/{self.id}")
        if status not in (204, 404):
            raise FaultFailed(f"{victim.pod} kept the fault: {status} {text}")

    async def proof(self) -> Proof:
        """The victims' own counters of this fault, and whether they still list it.

        Where a process is gone, with the fault in it, its last word counts.
        """
        there = await self._there()
        answers = await asyncio.gather(*(self._faults(victim) for victim in there))
        told = {victim.pod: answer for victim, answer in zip(there, answers, strict=True)}
        lost = [victim for victim in there if victim.pod in self.last and self.id not in told[victim.pod]["fired"]]
        told |= {
            pod: {**answer, "faults": []}
            for pod, answer in self.last.items()
            if pod not in told or pod in {victim.pod for victim in lost}
        }
        return Proof(
            fired={pod: int(answer["fired"].get(self.id, 0)) for pod, answer in told.items()},
            gone={pod: all(fault["id"] != self.id for fault in answer["faults"]) for pod, answer in told.items()},
            probes=None
            if self.proven == "itself"
            else {pod: int(answer["probed"].get(self.id, 0)) for pod, answer in told.items()},
            cut_short=await ended_after(self.http, lost, self.began, self.clock),
        )

    async def _faults(self, victim: Victim) -> dict[str, Any]:
        status, text = await self._ask("GET", victim, f"{victim.admin}/faults")
        if status != 200:
            raise FaultFailed(f"{victim.pod} does not tell its faults: {status} {text}")
        body: dict[str, Any] = json.loads(text)
        if self.id in body["fired"]:
            self.last[victim.pod] = body
        return body

    async def _there(self) -> Sequence[Victim]:
        """The victims that have not been scaled away."""
        if self.world is None:
            return self.victims
        now = {pod.name for pod in (await self.world.status()).pods}
        return [victim for victim in self.victims if victim.pod in now]

    async def _ask(self, method: str, victim: Victim, url: str, body: object = None) -> tuple[int, str]:
        try:
            async with self.http.request(method, f"http://{url}", json=body) as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FaultFailed(f"{victim.pod} does not answer at {url}: {error}") from error
