"""Where an oracle plays its scenario: in a running world, with faults held before the first call and after the last."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from benchmarks.cell import LEAD_S
from benchmarks.edges import OUTSIDE, edges
from benchmarks.faults import FaultFailed, Site, Spec, as_victims, injected, victims
from benchmarks.measures import MEASURES
from benchmarks.measures.amplification import Amplification, amplification
from benchmarks.measures.measure import arrived
from benchmarks.pods import Pods, PodUnreachable, in_flight
from benchmarks.record import EdgeRecord, Record
from benchmarks.reset import NotClean, reset
from benchmarks.results import read_rows
from benchmarks.scenario import Phase, Scenario, Window
from k8s.target import Pod, World
from loadtests.client import Generator, RunSpec
from loadtests.rows import Row

TIMEOUT_S = 60.0
"""Of the generator, for one answer: a slow machine must not change how many succeed."""
SETTLE_S = 60.0
TTL_S = 300.0
RESETS = 4
CAPACITY = 800
DURATION = "istio_request_duration_milliseconds"


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
    """What a scenario left behind.

    `record` has one phase, `fault`, and the counts of the edges. `received`: requests of the application that arrived
    at the replicas of a service and version. `called` and `worked`: how long calls to each service took at its callers,
    their waits included, and at itself.
    """

    scenario: Scenario
    rows: Sequence[Row]
    record: Record
    received: Mapping[tuple[str, str], int]
    called: Mapping[str, Duration]
    worked: Mapping[str, Duration]

    def measured(self, name: str) -> float:
        """One of MEASURES, as a table would have it of the fault phase; not a number where it has too little to say."""
        measure = MEASURES[name]
        window: Window = "all" if measure.whole_cell else "fault"
        value = measure.of(self.rows, self.record, self.scenario, window)
        return float("nan") if value is None else value

    @property
    def arrived(self) -> int:
        """Number of arrivals: what a share of the frames is of."""
        return arrived(self.rows, self.record, self.scenario, "fault")

    @property
    def amplified(self) -> dict[str, Amplification]:
        """What each edge got, as the table of amplification has it."""
        return amplification(self.rows, self.record, self.scenario)


class Stage(Protocol):
    """Where an oracle is tried."""

    async def play(self, scenario: Scenario, *besides: Spec, entries: int | None = None) -> Played:
        """Play a scenario to its last answer, with further faults `besides` its own, all held from before the first.

        `entries`: at how many replicas of the collector the load enters; at all of them for None.
        """


@dataclass(slots=True)
class WorldStage:
    """A world, and the generator that loads it. Plays draw from `seed` and the number of plays before them."""

    world: World
    http: aiohttp.ClientSession
    generator: Generator
    seed: int
    plays: int = field(default=0)

    async def play(self, scenario: Scenario, *besides: Spec, entries: int | None = None) -> Played:
        """As a Stage does.

        Raises NotClean, FaultFailed (what was not proven included), PodUnreachable, TargetError and GeneratorError.
        """
        self.plays += 1
        seed = self.seed * 1000 + self.plays
        async with AsyncExitStack() as stack:
            if scenario.action:
                await stack.enter_async_context(scenario.action.prepared(self.world))
            pods = Pods(self.http, (await self.world.status()).pods)
            await self._reset(pods, seed)
            return await self._played(scenario, besides, pods, seed, entries)

    async def _played(
        self, scenario: Scenario, besides: Sequence[Spec], pods: Pods, seed: int, entries: int | None
    ) -> Played:
        before = await self.world.proxy_stats()
        ways_in = tuple(pod.entry for pod in pods.of("collector"))[:entries]
        specs = (*([scenario.fault] if scenario.fault else []), *besides)
        held = [
            each.at(self._site(f"selftest-{number}", each.service, each.replicas, each.version, pods, seed))
            for number, each in enumerate(specs)
        ]
        if action := scenario.action:
            held.append(action.at(self._site("selftest-action", action.service, "all", None, pods, seed)))
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
                        load=scenario.arrivals(),
                        duration_s=scenario.duration_s,
                        seed=seed,
                        entries=ways_in,
                        timeout_s=TIMEOUT_S,
                        capacity=CAPACITY,
                    )
                )
                counters = await self._settled(pods)
                samples = await self._samples(pods)
                after = await self.world.proxy_stats()
            for fault in held:
                if objections := (await fault.proof()).objections():
                    raise FaultFailed(f"{self.world.name}: {'; '.join(objections)}")
            found = read_rows(rows)
        return Played(
            scenario=scenario,
            rows=found,
            record=record(self.world.mode, seed, scenario, edges(pods.pods, counters, before, after)),
            received=_received(pods.pods, counters),
            called=_durations(samples, "source", "destination_service_name"),
            worked=_durations(
                (one for one in samples if one.labels.get("source_workload") != OUTSIDE),
                "destination",
                "destination_service_name",
            ),
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

    def _site(
        self, name: str, service: str, replicas: int | Literal["all"], version: str | None, pods: Pods, seed: int
    ) -> Site:
        chosen = victims(as_victims(pods.of(service), version), replicas, seed)
        return Site(self.world, self.http, chosen, name, seed, TTL_S)

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


def record(mode: str, seed: int, scenario: Scenario, counted: Mapping[str, Mapping[str, int]]) -> Record:
    """Return the record of a play: what was counted on each edge, and a fault from its beginning to its end."""
    return Record(
        cell=scenario.name,
        scenario=scenario.name,
        arm=mode,
        mode=mode,
        policies=None,
        repetition=1,
        seed=seed,
        started="",
        phases=(Phase(name="fault", start=0.0, end=scenario.duration_s),),
        edges={edge: EdgeRecord(**counts) for edge, counts in counted.items()},
    )


def _received(pods: Iterable[Pod], counters: Mapping[str, Mapping[str, Any]]) -> Counter[tuple[str, str]]:
    """Requests by service and version, those of nobody in particular left out."""
    found: Counter[tuple[str, str]] = Counter()
    for pod in pods:
        found[pod.service, pod.version] += sum(
            n for caller, n in counters[pod.name]["received"].items() if caller != OUTSIDE
        )
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
