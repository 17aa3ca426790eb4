"""The cost of a change, on changes whose cost is known by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.actions.apply import Apply
from benchmarks.measures.change import Change, change, lines
from benchmarks.measures.elapsed import Elapsed
from benchmarks.record import Record
from benchmarks.scenario import load_scenario
from istio import library, policies
from loadtests.rows import Outcome, Row
from tests.benchmarks.measures.test_times import record as empty

POLICY, ROLL = load_scenario("policy-change"), load_scenario("rolling-restart")


def record(**fields: Any) -> Record:
    return Record.model_validate({**empty().model_dump(by_alias=True), **fields})


def rows(*outcomes: Outcome) -> list[Row]:
    return [Row(at, 3.0 + at / 10, 3.0, 3.1, "e", f"f{at}", 200, outcome) for at, outcome in enumerate(outcomes)]


def canary(**fields: Any) -> Record:
    return record(action={"fired": {"v2-0": 1}, "gone": {}}, **fields)


def route(**fields: Any) -> dict[str, Any]:
    named = {"name": "a", "namespace": "airport"}
    return {"kind": "VirtualService", "metadata": named, "spec": {"hosts": ["a"], **fields}}


def library_file(*callees: str) -> str:
    carried, _ = library.policies(policies.load("matched"), callees)
    return json.dumps({callee: policy.to_json() for callee, policy in carried.items()}, indent=1, sort_keys=True)


def test_lines_are_those_that_diff_would_show() -> None:
    assert lines([route(timeout="1s")], [route(timeout="1s")]) == 0
    assert lines([route(timeout="1s")], [route(timeout="2s")]) == 2
    assert lines([route()], [route(timeout="2s")]) == 1


def test_a_new_object_is_all_of_its_lines() -> None:
    other = {**route(), "metadata": {"name": "b", "namespace": "airport"}}
    assert lines([other], [route()]) == len(["kind", "metadata", "name", "namespace", "spec", "hosts", "- a"])


def test_an_applied_policy_restarts_nothing_and_is_in_effect_when_the_sidecars_follow() -> None:
    done = {"fired": {"VirtualService airport/alerts": 1}, "gone": {}}
    cell = record(mode="mesh", action=done, injected={"action": 0.31})
    assert isinstance(POLICY.action, Apply)
    found = change(rows(Outcome.SUCCESS, Outcome.ERROR, Outcome.SUCCESS), cell, POLICY, POLICY.action.objects)
    assert found == Change(lines=0, redeployed=0, in_effect=Elapsed(0.31), failed=1)


def test_the_same_change_is_a_rollout_where_a_library_reads_a_file() -> None:
    done = {"fired": {"face-recognition-0": 1, "face-recognition-1": 1}, "gone": {}}
    cell = record(mode="library", action=done, injected={"action": 3.5})
    file = library_file("alerts", "momentum")
    # attempts, perTryTimeout, retryOn and timeout of one callee: a line each taken away, and one added
    assert change(rows(Outcome.SUCCESS), cell, POLICY, (), file) == Change(8, 2, Elapsed(3.5), 0)
    # what a person had indented otherwise is no change
    tight = json.dumps(json.loads(file))
    assert change(rows(Outcome.SUCCESS), cell, POLICY, (), tight) == Change(8, 2, Elapsed(3.5), 0)


def test_a_release_starts_every_replica_again() -> None:
    cell = record(action={"fired": {"a-0": 1, "a-1": 1}, "gone": {}}, injected={"action": 2.5})
    assert change(rows(Outcome.SUCCESS), cell, ROLL, ()) == Change(None, 2, Elapsed(2.5), 0)


def test_the_change_of_a_canary_is_its_rollback_two_weights_with_a_mesh_and_processes_that_go_without() -> None:
    for mode, expected in (("mesh", Change(4, 0, Elapsed(0.6), 0)), ("library", Change(None, 1, Elapsed(0.6), 0))):
        assert change((), canary(mode=mode, removed={"action": 0.6}), load_scenario("canary"), ()) == expected


@pytest.mark.parametrize(("removed", "failed"), [({"action": 0.6}, 3), ({"action": 0.1}, 1), ({}, 4)])
def test_what_a_rollback_loses_are_the_arrivals_until_it_is_in_effect_and_not_those_that_the_canary_had_failed(
    removed: dict[str, float], failed: int
) -> None:
    # the fault phase ends at 6: one fails before, and three of the first six tenths of a second after it
    times = (5.9, 6.0, 6.2, 6.3, 6.5, 6.6)
    seen = [Row(n, at, at, at + 0.1, "e", f"f{n}", 500, Outcome.ERROR) for n, at in enumerate(times)]
    seen[3] = replace(seen[3], outcome=Outcome.SUCCESS)
    found = change(seen, canary(mode="mesh", removed=removed), load_scenario("canary"), ())
    assert found is not None
    assert found.failed == failed


def test_without_an_action_there_is_no_change() -> None:
    assert change(rows(Outcome.SUCCESS), record(), load_scenario("error-burst"), ()) is None
    assert change(rows(Outcome.SUCCESS), record(), ROLL, ()) is None
