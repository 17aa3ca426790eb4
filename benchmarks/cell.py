"""One cell: reset, load, fault, proof, record. Everything that is measured is collected here and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import aiohttp

from benchmarks import failed_calls
from benchmarks.edges import connections, edges, inbound_retries
from benchmarks.faults import Fault, FaultFailed, Proof, Site, as_victims, injected, victims
from benchmarks.faults.site import Keep
from benchmarks.kept import Kept
from benchmarks.machine import CPU_LIMIT, CpuClock
from benchmarks.measures.integrity import integrity
from benchmarks.plan import Cell
from benchmarks.pods import Pods, PodUnreachable, in_flight
from benchmarks.reset import DEADLINE_S, NotClean, reset
from benchmarks.results import read_rows
from benchmarks.scenario import Scenario
from benchmarks.settings import told
from benchmarks.timeline import timeline, wall_to_monotonic
from benchmarks.usage import BEGINNING, Readings, spent
from k8s.target import TargetError, World
from loadtests.client import Audit, Player, RunSpec
from loadtests.frames import frame_of
from loadtests.run import MOST_IN_FLIGHT
from loadtests.schedule import Arrival, arrivals, busiest
from services.airport.analysis import expected

LATENESS_LIMIT_MS = 10.0  # fairness rule 7
IDLE_LIMIT = 0.05  # of one core, fairness rule 8
REQUEST_TIMEOUT_S = 5.0
CAPACITY = 200
# A request may leave late and end late: for this long its place is kept beyond its timeout.
PLACE_MARGIN_S = 1.0
# Between the order to the generator and the first possible arrival: schedule and frames are built in it.
LEAD_S = 0.3
# A fault outlives its phase by this much at most, should the harness die.
TTL_MARGIN_S = 3.0
SETTLE_S = 6.0
# What may be left of a queue that a scenario builds on purpose: a call that nobody waits for is worked on all the same.
SETTLE_FULL_S = 30.0
# What can go wrong with a world in the middle of a cell: it voids the cell, and the bench goes on.
TROUBLE = (FaultFailed, PodUnreachable, TargetError)


@dataclass(slots=True)
class Notes:
    """What was noted while the load ran. `over`: it was ended early, and nothing waits for its phases any more."""

    readings: Readings
    cpu: dict[str, tuple[CpuClock, CpuClock]] = field(default_factory=dict)
    proofs: dict[str, Proof] = field(default_factory=dict)
    injected: dict[str, float] = field(default_factory=dict)
    removed: dict[str, float] = field(default_factory=dict)
    objections: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def ended(self, run: asyncio.Task[Audit]) -> None:
        """Take note that the load has ended, one way or the other."""
        if run.cancelled() or run.exception() or run.result().interrupted:
            self.over.set()

    def shares(self) -> dict[str, float]:
        """Share of the machine's CPU in each phase, 0 to 1."""
        return {phase: round(end.share_since(start), 4) for phase, (start, end) in self.cpu.items()}


def void(scenario: Scenario, *reasons: str) -> dict[str, Any]:
    """A record of a cell that begins now, and of which nothing is measured yet; or ever, for these `reasons`."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "phases": [phase.model_dump() for phase in scenario.timeline()],
        "void": list(reasons),
    }


ENTRANCE = {"frames": "collector", "dashboards": "cpanel"}
"""Where a load enters the application, by what it is made of."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """Runs cells in the worlds of a bench, all of them through one generator.

    `entry` is the pod at which all frames enter; every collector, as the schedule draws, for None.
    """

    http: aiohttp.ClientSession
    generator: Player
    worlds: Mapping[str, World]
    on_progress: Callable[[Mapping[str, int]], None]
    entry: str | None = None

    async def run(self, cell: Cell, scenario: Scenario, rows: Path) -> dict[str, Any]:
        """Run one cell, write its rows to the file `rows`, and return its record (docs/architecture.md, "Results").

        Whatever makes the cell void is in the record under `void`; nothing of it is raised.
        """
        world = self.worlds[cell.arm]
        record = void(scenario)
        try:
            await world.mend()
            async with AsyncExitStack() as stack:
                ttl_s = scenario.duration_s + DEADLINE_S + settle_s(scenario) + TTL_MARGIN_S
                await stack.enter_async_context(told(world, self.http, scenario.settings, ttl_s))
                stack.push_async_callback(self._emptied, world, scenario, cell.seed)
                if scenario.action:
                    await stack.enter_async_context(scenario.action.prepared(world))
                pods = Pods(self.http, (await world.status()).pods)
                await reset(world, pods, cell.seed, scenario.settings)
                record |= await self._measure(cell, scenario, world, pods, rows)
        except (NotClean, *TROUBLE) as error:
            record["void"] = [*record["void"], str(error)]
        return record

    async def _emptied(self, world: World, scenario: Scenario, seed: int) -> None:
        """Reset those that were told something: a store that kept no ids holds what one that keeps them cannot open."""
        changed = [pod for pod in (await world.status()).pods if pod.service in scenario.settings and pod.ready]
        deadline = time.monotonic() + SETTLE_S
        while busy := await Pods(self.http, changed).reset(seed):
            if time.monotonic() > deadline:
                raise NotClean(f"requests in flight at {', '.join(busy)} {SETTLE_S:g} s after the cell")
            await asyncio.sleep(0.05)

    async def _measure(self, cell: Cell, scenario: Scenario, world: World, pods: Pods, rows: Path) -> dict[str, Any]:
        notes, kept = Notes(Readings(world)), Kept(world, pods)
        entries = [pod.entry for pod in pods.of(ENTRANCE[scenario.load.what]) if self.entry in (None, pod.name)]
        proxies_before = await world.proxy_stats()
        usage_before, idle_before = await world.usage(), await self._idle_cpu(cell.arm)
        load = scenario.arrivals()
        planned = arrivals(load, scenario.duration_s, cell.seed, entries)
        began, since = time.monotonic(), time.time()
        spec = RunSpec(
            id=cell.id,
            rows=rows,
            start_monotonic=began + LEAD_S,
            load=load,
            duration_s=scenario.duration_s,
            seed=cell.seed,
            entries=tuple(entries),
            timeout_s=REQUEST_TIMEOUT_S,
            capacity=capacity(planned),
        )
        run = asyncio.create_task(self.generator.run(spec, self.on_progress))
        run.add_done_callback(notes.ended)
        try:
            await self._phases(cell, scenario, kept, spec.start_monotonic, notes)
            audit, phase_usage = await run, await notes.readings.by_phase()
        finally:
            run.cancel()
            await asyncio.gather(run, notes.readings.stop(), return_exceptions=True)
        pods = Pods(self.http, (await world.status()).pods)  # those that came meanwhile included
        counters = await self._settled(pods, notes, settle_s(scenario))
        usage_after, idle_after = await world.usage(), await self._idle_cpu(cell.arm)
        elapsed = time.monotonic() - began
        proxies_after, stored, noted, ejections = await asyncio.gather(
            world.proxy_stats(), pods.stored(), pods.timelines(), world.ejections()
        )
        lost = await kept.lost()
        for note in lost:
            restore(counters, {note.pod: note.counters})
        answers = read_rows(rows)
        calls = await failed_calls.gather(world, pods, failed_calls.failed(answers), since)
        if calls:
            failed_calls.write(failed_calls.beside(rows), calls)
        there = {pod.name for pod in pods.pods}
        every = [*pods.pods, *(pod for pod in kept.pods.pods if pod.name in counters and pod.name not in there)]
        frames = (frame_of(arrival, cell.seed) for arrival in planned)
        # a look at the dashboard leaves nothing behind
        sent = {frame.id: expected(frame) for frame in frames} if spec.load.what == "frames" else {}
        record: dict[str, Any] = {
            "generator": asdict(audit),
            "machine": notes.shares(),
            "usage": spent(usage_before, usage_after),
            "phase_usage": phase_usage,
            "edges": edges(every, counters, proxies_before, proxies_after),
            "connections": connections(every, counters),
            "inbound_retries": inbound_retries(pods.pods, proxies_before, proxies_after),
            "fault": asdict(notes.proofs["fault"]) if "fault" in notes.proofs else None,
            "action": asdict(notes.proofs["action"]) if "action" in notes.proofs else None,
            "injected": notes.injected,
            "removed": notes.removed,
            "timeline": timeline(
                every,
                (noted, *({note.pod: note.timeline} for note in lost)),
                ejections,
                spec.start_monotonic,
                spec.start_monotonic + scenario.duration_s,
                wall_to_monotonic(),
            ).model_dump(),
            "integrity": asdict(integrity([row for row in answers if row.frame_id in sent], sent, stored)),
            "traced": list(failed_calls.ids(calls)),
        }
        record["void"] = [
            *notes.objections,
            *(objection for what, proof in notes.proofs.items() for objection in proof.objections(what)),
            *audit_objections(record, scenario.saturated.phases if scenario.saturated else ()),
            *(
                f"idle world {arm} used {(idle_after[arm] - idle_before[arm]) / elapsed:.0%} of a core"
                for arm in idle_after
                if idle_after[arm] - idle_before[arm] > IDLE_LIMIT * elapsed
            ),
        ]
        return record

    async def _phases(self, cell: Cell, scenario: Scenario, kept: Kept, start: float, notes: Notes) -> None:
        """Walk through the phases on the generator's clock, with fault and action held during their own."""
        await _sleep_until(start, notes.over)
        notes.readings.take(BEGINNING)
        for phase in scenario.timeline():
            before = CpuClock.now()
            if phase.name == "fault" and not notes.over.is_set():
                try:
                    await self._strike(cell, scenario, kept, start + phase.end, notes)
                except TROUBLE as error:
                    notes.objections.append(str(error))
            await _last_until(start + phase.end, phase.name, notes)
            notes.cpu[phase.name] = (before, CpuClock.now())

    async def _strike(self, cell: Cell, scenario: Scenario, kept: Kept, end: float, notes: Notes) -> None:
        """Hold the fault, and in it the action, until `end`, and note their proofs.

        What the world uses is read while they last: memory that a fault holds is free as soon as it has ended, and the
        work of ending it belongs to the phase after.
        """
        held: dict[str, Fault] = {}

        async def keep(pods: Sequence[str]) -> None:
            """Note what those have counted that an action ends, the fault among it."""
            await kept.keep(pods)
            if "fault" in held:
                await held["fault"].proof()

        if (fault := scenario.fault) is not None:
            held["fault"] = fault.at(
                self._site(fault.service, fault.replicas, cell, scenario, kept, version=fault.version)
            )
        if (action := scenario.action) is not None:
            held["action"] = action.at(self._site(action.service, "all", cell, scenario, kept, keep))
        async with AsyncExitStack() as stack:
            for what, each in held.items():
                await stack.enter_async_context(_clocked(what, each, notes))
            await _last_until(end, "fault", notes)
            await notes.readings.take("fault")
        for what, each in held.items():
            notes.proofs[what] = await each.proof()

    def _site(
        self,
        service: str,
        replicas: int | Literal["all"],
        cell: Cell,
        scenario: Scenario,
        kept: Kept,
        keep: Keep | None = None,
        version: str | None = None,
    ) -> Site:
        return Site(
            world=kept.world,
            http=self.http,
            victims=victims(as_victims(kept.pods.of(service), version), replicas, cell.seed),
            id=f"r{cell.repetition}-{cell.scenario}",
            seed=cell.seed,
            ttl_s=scenario.phases.fault + TTL_MARGIN_S,
            keep=keep or kept.keep,
        )

    async def _settled(self, pods: Pods, notes: Notes, patience_s: float) -> dict[str, dict[str, Any]]:
        """Counters once the application has finished what was sent; objects when it does not finish."""
        deadline = time.monotonic() + patience_s
        while in_flight(counters := await pods.counters()):
            if time.monotonic() > deadline:
                notes.objections.append(
                    f"{in_flight(counters)} requests still in flight {patience_s:g} s after the load"
                )
                break
            await asyncio.sleep(0.05)
        return counters

    async def _idle_cpu(self, busy_arm: str) -> dict[str, float]:
        others = [arm for arm in self.worlds if arm != busy_arm]
        usages = await asyncio.gather(*(self.worlds[arm].usage() for arm in others))
        return {arm: usage.app.cpu_s + usage.proxy.cpu_s for arm, usage in zip(others, usages, strict=True)}


@contextlib.asynccontextmanager
async def _clocked(what: str, fault: Fault, notes: Notes) -> AsyncIterator[None]:
    """Hold a fault, and note how long it took to begin and to end it."""
    began = time.monotonic()
    try:
        async with injected(fault):
            notes.injected[what] = round(time.monotonic() - began, 4)
            yield
            began = time.monotonic()
    finally:
        if what in notes.injected:
            notes.removed[what] = round(time.monotonic() - began, 4)


def capacity(planned: Sequence[Arrival]) -> int:
    """How many requests the generator has room for: as many as can be in flight if none of the schedule is answered.

    With less room, the generator would shed the load of an arm that does not, and the loop would be closed. Bounded by
    what one generator can hold; what is dropped beyond it is counted, and warned of in every report.
    """
    return min(MOST_IN_FLIGHT, max(CAPACITY, busiest(planned, REQUEST_TIMEOUT_S + PLACE_MARGIN_S)))


def settle_s(scenario: Scenario) -> float:
    """How long the application may go on working after the load, in seconds.

    Longer where a queue may stand: in a load that is meant to be too much, and at a service that was given a capacity.
    """
    queue = scenario.saturated or any("WORKERS" in env for env in scenario.settings.values())
    return SETTLE_FULL_S if queue else SETTLE_S


async def _last_until(end: float, phase: str, notes: Notes) -> None:
    """Wait for the end of a phase, and have read by then what the world used in it.

    The reading begins as long before as one takes: what comes next, a fault or its removal, would wait longest in the
    arm with the most processes.
    """
    await _sleep_until(end - notes.readings.longest_s, notes.over)
    notes.readings.take(phase)
    await _sleep_until(end, notes.over)


async def _sleep_until(when: float, over: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), max(0.0, when - time.monotonic()))


def restore(counters: dict[str, dict[str, Any]], before: Mapping[str, Mapping[str, Any]]) -> None:
    """Add to a restarted pod's counters what it had counted before it was killed; they are all there is of one gone."""
    for pod, old in before.items():
        _add(counters.setdefault(pod, {}), {name: value for name, value in old.items() if name != "in_flight"})


def _add(counts: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping):
            _add(counts.setdefault(name, {}), value)
        else:
            counts[name] = counts.get(name, 0) + value


def audit_objections(record: Mapping[str, Any], meant_full: Collection[str] = ()) -> Sequence[str]:
    """What the generator's account and the machine's load have against a cell (fairness rule 7).

    `meant_full`: the phases in which the scenario declares that the machine may be full; there the generator's
    lateness alone decides whether the arrivals came as they were planned.
    """
    audit, shares = record["generator"], record["machine"]
    found = []
    if audit["lateness_p99_ms"] > LATENESS_LIMIT_MS:
        found.append(f"generator late: p99 {audit['lateness_p99_ms']:.1f} ms, limit {LATENESS_LIMIT_MS:g} ms")
    if not audit["hidden_retries_off"]:
        found.append("the generator's HTTP client may retry by itself")
    told = audit["sent"] + audit["dropped"]
    if audit["interrupted"]:
        found.append("the generator was interrupted")
    elif told != audit["arrivals"]:
        found.append(f"the generator accounts for {told} of {audit['arrivals']} arrivals")
    found += [
        f"machine busy: {share:.0%} of the CPU in the {phase} phase, limit {CPU_LIMIT:.0%}"
        for phase, share in shares.items()
        if phase != "warm" and phase not in meant_full and share > CPU_LIMIT
    ]
    return found
