"""What makes a cell void, and what is added up for it."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from benchmarks.cell import CAPACITY, REQUEST_TIMEOUT_S, Conduct, Notes, audit_objections, capacity, restore, settle_s
from benchmarks.faults import Proof
from benchmarks.kept import Kept
from benchmarks.plan import Cell
from benchmarks.pods import Pods
from benchmarks.profile import PROFILES
from benchmarks.scenario import load_scenario, names
from benchmarks.usage import Readings
from k8s.target import KindUsage, Usage
from loadtests.run import MOST_IN_FLIGHT
from loadtests.schedule import Load, arrivals


def record(**changes: Any) -> dict[str, Any]:
    audit = {"arrivals": 90, "sent": 88, "dropped": 2, "lateness_p99_ms": 2.0, "hidden_retries_off": True}
    audit["interrupted"] = False
    shares = changes.pop("machine", {"warm": 0.3, "steady": 0.4, "fault": 0.5})
    return {"generator": audit | changes, "machine": shares}


def test_a_cell_within_every_limit_is_not_void() -> None:
    assert audit_objections(record()) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lateness_p99_ms": 10.1}, "generator late: p99 10.1 ms, limit 10 ms"),
        ({"hidden_retries_off": False}, "the generator's HTTP client may retry by itself"),
        ({"interrupted": True, "sent": 40}, "the generator was interrupted"),
        ({"sent": 0, "dropped": 0}, "the generator accounts for 0 of 90 arrivals"),
        ({"sent": 87}, "the generator accounts for 89 of 90 arrivals"),
        ({"machine": {"steady": 0.81}}, "machine busy: 81% of the CPU in the steady phase, limit 80%"),
    ],
)
def test_each_limit_voids_a_cell_and_says_why(changes: dict[str, Any], reason: str) -> None:
    assert audit_objections(record(**changes)) == [reason]


def test_a_busy_warm_up_voids_nothing_because_it_is_in_no_measure() -> None:
    assert audit_objections(record(machine={"warm": 0.99, "steady": 0.1})) == []


def test_a_machine_that_is_meant_to_be_full_voids_nothing_in_the_phases_that_say_so_and_a_late_generator_does() -> None:
    full = record(machine={"warm": 0.9, "steady": 0.4, "fault": 0.99, "recovery": 0.9})
    assert audit_objections(full, ("fault", "recovery")) == []
    assert audit_objections(full, ("fault",)) == ["machine busy: 90% of the CPU in the recovery phase, limit 80%"]
    late = record(machine={"steady": 0.4, "fault": 0.99}, lateness_p99_ms=10.1)
    assert audit_objections(late, ("fault",)) == ["generator late: p99 10.1 ms, limit 10 ms"]


def test_a_queue_that_is_built_on_purpose_may_be_worked_off_for_longer_than_any_other() -> None:
    assert settle_s(load_scenario("overload-step")) > settle_s(load_scenario("error-burst"))


def test_a_service_that_was_given_a_capacity_may_work_off_its_queue_after_the_load() -> None:
    held = load_scenario("total-outage")
    assert held.saturated is None
    assert settle_s(held) == settle_s(load_scenario("overload-step"))


@pytest.mark.parametrize("name", names())
def test_the_generator_has_room_for_all_that_nobody_answers_under_every_profile(name: str) -> None:
    for profile in PROFILES.values():
        scenario = load_scenario(name).scaled(profile.phase_scale)
        planned = arrivals(scenario.arrivals(), scenario.duration_s, 1, ("a:1",))
        places = capacity(planned)
        assert CAPACITY <= places < MOST_IN_FLIGHT
        waiting: deque[float] = deque()
        for arrival in planned:
            while waiting and waiting[0] <= arrival.at_s - REQUEST_TIMEOUT_S:
                waiting.popleft()
            waiting.append(arrival.at_s)
            assert len(waiting) <= places


def test_there_is_never_more_room_than_one_generator_can_hold() -> None:
    assert capacity(arrivals(Load(pattern="constant", rate=2000), 3.0, 1, ("a:1",))) == MOST_IN_FLIGHT


def test_a_killed_pod_keeps_what_it_had_counted() -> None:
    counters: dict[str, dict[str, Any]] = {
        "a-0": {"in_flight": 0, "received": {"collector": 2}},
        "a-1": {"received": {"collector": 5}},
    }
    before: dict[str, Any] = {
        "in_flight": 3,
        "received": {"collector": 30, "cpanel": 1},
        "events": {"alerts": {"retry": 2}},
    }
    restore(counters, {"a-0": before})
    assert counters["a-0"] == {
        "in_flight": 0,
        "received": {"collector": 32, "cpanel": 1},
        "events": {"alerts": {"retry": 2}},
    }
    assert counters["a-1"] == {"received": {"collector": 5}}


@dataclass
class Hoarding:
    """A world, its fault, and what makes that: a byte is held while it lasts, and a CPU second spent on ending it."""

    service, replicas, version = "image-analysis", "all", None
    used: KindUsage = field(default_factory=KindUsage)

    def at(self, _site: object) -> Hoarding:
        return self

    async def inject(self) -> None:
        self.used = KindUsage(0.0, 1, 1)

    async def remove(self) -> None:
        self.used = KindUsage(1.0, 0, 0)

    async def proof(self) -> Proof:
        return Proof({"image-analysis-0": 1}, {"image-analysis-0": True})

    async def usage(self) -> Usage:
        return Usage(self.used, KindUsage())


async def test_the_fault_phase_has_the_memory_that_its_fault_holds_and_not_the_work_of_ending_it() -> None:
    world: Any = Hoarding()
    scenario = load_scenario("error-burst").scaled(0.02).model_copy(update={"fault": world})
    nothing: Any = None
    notes, kept = Notes(Readings(world)), Kept(world, Pods(nothing, []))
    conduct = Conduct(nothing, nothing, {}, nothing)
    await conduct._phases(Cell("error-burst", "none", 1, 7), scenario, kept, time.monotonic(), notes)
    found = await notes.readings.by_phase()
    assert {phase: (used["app"]["rss"], used["app"]["cpu_s"]) for phase, used in found.items()} == {
        "warm": (0, 0.0), "steady": (0, 0.0), "fault": (1, 0.0), "recovery": (0, 1.0),
    }  # fmt: skip
