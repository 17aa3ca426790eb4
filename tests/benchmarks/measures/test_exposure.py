"""How often the application met the fault, the harness's own calls taken off."""

from __future__ import annotations

from typing import Any

from benchmarks.measures.exposure import cut_short, exposed, met
from benchmarks.record import Record


def record(fault: dict[str, Any] | None) -> Record:
    return Record.model_validate(
        {
            "cell": "r1-a-none",
            "scenario": "a",
            "arm": "none",
            "mode": "none",
            "policies": None,
            "repetition": 1,
            "seed": 1,
            "started": "2026-11-22T00:00:00Z",
            "fault": fault,
        }
    )


def test_the_harnesss_own_calls_are_taken_off() -> None:
    assert met(record({"fired": {"a-0": 5, "a-1": 1}, "probes": {"a-0": 1, "a-1": 1}})) == 4


def test_a_fault_that_needed_no_call_of_the_harness_was_met_as_often_as_it_fired() -> None:
    assert met(record({"fired": {"a-0": 5}, "probes": {}})) == 5


def test_a_killed_process_is_no_call_that_met_a_fault() -> None:
    assert met(record({"fired": {"a-0": 1}, "probes": None})) is None


def test_without_a_fault_there_is_nothing_to_meet() -> None:
    assert met(record(None)) is None
    assert exposed([record(None)]) is None


def test_repetitions_that_met_the_fault_are_counted_among_those_with_one() -> None:
    hit = record({"fired": {"a-0": 9}, "probes": {"a-0": 1}})
    missed = record({"fired": {"a-0": 1}, "probes": {"a-0": 1}})
    assert exposed([hit, missed, missed]) == (1, 3)


def test_a_fault_was_cut_short_when_the_first_of_its_victims_was_started_again() -> None:
    assert cut_short(record({"fired": {"a-0": 1, "a-1": 1}, "cut_short": {"a-0": 31.5, "a-1": 30.5}})) == 30.5


def test_a_fault_that_lasted_was_not_cut_short() -> None:
    assert cut_short(record({"fired": {"a-0": 1}, "cut_short": {}})) is None
    assert cut_short(record(None)) is None
