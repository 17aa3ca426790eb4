"""What makes a cell void, and what is added up for it."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.cell import audit_objections, restore, settle_s, spent
from benchmarks.scenario import load_scenario
from k8s.target import KindUsage, Usage


def record(**changes: Any) -> dict[str, Any]:
    audit = {"lateness_p99_ms": 2.0, "hidden_retries_off": True, "interrupted": False}
    shares = changes.pop("machine", {"warm": 0.3, "steady": 0.4, "fault": 0.5})
    return {"generator": audit | changes, "machine": shares}


def test_a_cell_within_every_limit_is_not_void() -> None:
    assert audit_objections(record()) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lateness_p99_ms": 10.1}, "generator late: p99 10.1 ms, limit 10 ms"),
        ({"hidden_retries_off": False}, "the generator's HTTP client may retry by itself"),
        ({"interrupted": True}, "the generator was interrupted"),
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


def test_cpu_is_what_the_cell_spent_and_memory_what_it_has_at_its_end() -> None:
    before = Usage(app=KindUsage(10.0, 100, 50), proxy=KindUsage(1.0, 10, 5))
    after = Usage(app=KindUsage(11.5, 120, 60), proxy=KindUsage(1.25, 11, 6))
    assert spent(before, after) == {
        "app": {"cpu_s": 1.5, "rss": 120, "pss": 60},
        "proxy": {"cpu_s": 0.25, "rss": 11, "pss": 6},
    }
