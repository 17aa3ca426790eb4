"""A running world that an oracle can play a load in, with faults held from before the first call to after the last."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from benchmarks.cell import LEAD_S
from benchmarks.edges import OUTSIDE, edges
from benchmarks.faults import FaultFailed, Site, Spec, Victim, injected, victims
from benchmarks.pods import Pods, PodUnreachable, in_flight
from benchmarks.record import Record
from benchmarks.reset import NotClean, reset
from benchmarks.results import read_rows
from k8s.target import Pod, World
from loadtests.client import Generator, RunSpec
from loadtests.frames import frame_of
from loadtests.rows import Row
from loadtests.schedule import Load, arrivals
from services.airport.analysis import expected

TIMEOUT_S = 60.0
"""Of the generator, for one answer: a slow machine must not change how many succeed."""
SETTLE_S = 60.0
TTL_S = 300.0
RESETS = 4
CAPACITY = 800
DURATION = "istio_request_duration_milliseconds"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a play: on the replicas that its spec says, of one version only if that is given."""

    spec: Spec
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Duration:
    """How long `n` requests or calls took altogether."""

    seconds: float = 0.0
    n: int = 0

    @property
    def mean_s(self) -> float:
        """Seconds of one."""
        return self.seconds / self.n


@dataclass(frozen=True, slots=True)
class Played:
    """What a load left behind. `alerting`: frames that show a person of interest, and so need the service alerts.

    `record` has one phase, `fault`, and the counts of the edges; `counters` are the pods' own, and `called` and
    `worked` how long calls to each service took at its callers, their waits included, and at itself.
    """

    rows: Sequence[Row]
    record: Record
    pods: Sequence[Pod]
    counters: Mapping[str, Mapping[str, Any]]
    called: Mapping[str, Duration]
    worked: Mapping[str, Duration]
    alerting: int

    def received(self, service: str, version: str) -> int:
        """Requests that arrived at the replicas of one version, those of nobody in particular left out."""
        pods = [pod.name for pod in self.pods if (pod.service, pod.version) == (service, version)]
        return sum(n for pod in pods for caller, n in self.counters[pod]["received"].items() if caller != OUTSIDE)


@dataclass(slots=True)
class Stage:
    """One world, and the generator that loads it. Plays draw from `seed` and the number of plays before them."""

    world: World
    http: aiohttp.ClientSession
    generator: Generator
    seed: int
    plays: int = field(default=0)

    async def play(self, load: Load, duration_s: float, *faults: Fault, entries: int | None = None) -> Played:
        """Reset the world, hold the faults, play the load to its last answer, and collect.

        `entries`: at how many replicas of the collector the load enters; at all of them for None.
        Raises NotClean, FaultFailed (a fault that was not proven included), PodUnreachable, TargetError and
        GeneratorError.
        """
        self.plays += 1
        seed = self.seed * 1000 + self.plays
        status = await self.world.status()
        pods = Pods(self.http, status.pods)
        await self._reset(pods, seed)
        before = await self.world.proxy_stats()
        ways_in = tuple(pod.entry for pod in pods.of("collector"))[:entries]
        held = [self._fault(each, number, pods, seed) for number, each in enumerate(faults)]
        with tempfile.TemporaryDirectory(prefix="goaround-selftest-") as folder:
            rows = Path(folder, "rows.csv.gz")
            async with AsyncExitStack() as stack:
                for fault in held:
                    await stack.enter_async_context(injected(fault))
                await self.generator.run(
                    RunSpec(
                        id=f"selftest-{self.plays}",
                        rows=rows,
                        start_monotonic=time.monotonic() + LEAD_S,
                        load=load,
                        duration_s=duration_s,
                        seed=seed,
                        entries=ways_in,
                        timeout_s=TIMEOUT_S,
                        capacity=CAPACITY,
                    )
                )
                counters = await self._settled(pods)
                samples = await self._samples(pods)
            for fault in held:
                if objections := (await fault.proof()).objections():
                    raise FaultFailed(f"{self.world.name}: {'; '.join(objections)}")
            found = read_rows(rows)
        after = await self.world.proxy_stats()
        planned = arrivals(load, duration_s, seed, ways_in)
        return Played(
            rows=found,
            record=Record(
                cell="selftest",
                scenario="selftest",
                arm=self.world.mode,
                mode=self.world.mode,
                policies=None,
                repetition=1,
                seed=seed,
                started="",
                phases=({"name": "fault", "start": 0.0, "end": duration_s},),
                edges=edges(pods.pods, counters, before, after),
            ),
            pods=pods.pods,
            counters=counters,
            called=_durations(samples, "source", "destination_service_name"),
            worked=_durations(
                (one for one in samples if one.labels.get("source_workload") != OUTSIDE),
                "destination",
                "destination_service_name",
            ),
            alerting=sum(bool(expected(frame_of(arrival, seed)).alert_names) for arrival in planned),
        )

    async def _reset(self, pods: Pods, seed: int) -> None:
        """Reset the world; on a machine that is busy with other things, up to RESETS times. Raises NotClean."""
        for left in reversed(range(RESETS)):
            try:
                await reset(self.world, pods, seed)
                return
            except NotClean:
                if not left:
                    raise

    def _fault(self, fault: Fault, number: int, pods: Pods, seed: int) -> Any:
        there = [
            Victim(pod.name, pod.app, pod.admin)
            for pod in pods.of(fault.spec.service)
            if fault.version in (None, pod.version)
        ]
        chosen = victims(there, fault.spec.replicas, seed)
        return fault.spec.at(Site(self.world, self.http, chosen, f"selftest-{number}", seed, TTL_S))

    async def _settled(self, pods: Pods) -> dict[str, dict[str, Any]]:
        """Counters once nothing is worked on any more. Raises FaultFailed when something still is after SETTLE_S."""
        deadline = time.monotonic() + SETTLE_S
        while in_flight(counters := await pods.counters()):
            if time.monotonic() > deadline:
                raise FaultFailed(f"{self.world.name}: requests still in flight {SETTLE_S:g} s after the load")
            await asyncio.sleep(0.05)
        return counters

    async def _samples(self, pods: Pods) -> list[Sample]:
        """Every pod's metrics, as Prometheus would read them."""
        found: list[Sample] = []
        for pod in pods.pods:
            try:
                async with self.http.get(f"http://{pod.admin}/metrics") as answer:
                    text = await answer.text()
            except (aiohttp.ClientError, TimeoutError) as error:
                raise PodUnreachable(f"{pod.name}: no metrics from its admin port {pod.admin}: {error}") from error
            found += [one for family in text_string_to_metric_families(text) for one in family.samples]
        return found


def _durations(samples: Iterable[Sample], reporter: str, by: str) -> dict[str, Duration]:
    """Sums and counts of the histogram of durations that `reporter` kept, by the value of a label."""
    found: dict[str, Duration] = {}
    for one in samples:
        if not one.name.startswith(DURATION) or one.labels["reporter"] != reporter:
            continue
        before = found.get(one.labels[by], Duration())
        if one.name == f"{DURATION}_sum":
            found[one.labels[by]] = Duration(before.seconds + one.value / 1000, before.n)
        elif one.name == f"{DURATION}_count":
            found[one.labels[by]] = Duration(before.seconds, before.n + int(one.value))
    return found
