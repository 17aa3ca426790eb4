"""What is compared, and how finely cells of their size can know it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.measures import MEASURES
from benchmarks.report.advice import recommendations
from benchmarks.report.evidence import comparisons, evidence, paired, resolution
from benchmarks.report.outcomes import answers, glance
from benchmarks.verdict import Verdict, changed
from tests.benchmarks.synthetic import EFFECTS, Effect, write_run


def test_all_against_nothing_in_every_repetition_is_a_difference_and_not_known_exactly(tmp_path: Path) -> None:
    effects = {"none": Effect(availability=0.0), "mesh": Effect(availability=1.0)}
    run = write_run(tmp_path, effects=effects, repetitions=5)
    for one in comparisons(evidence(run)):
        assert one.pairs == ((1.0, 0.0),) * 5
        assert one.verdict is Verdict.BETTER
        assert one.interval is not None
        assert one.interval.low < 1 < one.interval.high


def test_what_is_no_share_has_no_resolution(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=2)
    for group in evidence(run).groups:
        assert group.resolutions(MEASURES["cpu"], "all") == {}
        assert set(group.resolutions(MEASURES["goodput"], "steady")) == {1, 2}


def test_a_scenario_is_told_and_compared_in_the_arms_alone_in_which_it_was_to_run(tmp_path: Path) -> None:
    effects = {name: Effect() for name in ("none", "library", "mesh")}
    run = write_run(tmp_path, scenarios=("error-burst", "crash"), effects=effects, limited={"crash": ["none", "mesh"]})
    found = evidence(run)
    assert [group.arm for group in found.of("error-burst")] == ["none", "library", "mesh"]
    assert [group.arm for group in found.of("crash")] == ["none", "mesh"]
    assert [(one.arm, one.base) for one in comparisons(found) if one.scenario == "crash"] == [("mesh", "none")]
    [_, crash] = glance(found).rows
    assert [value.text == "-" for value in crash] == [False, False, False, True, False, False]


def test_arms_are_held_against_the_control_wherever_it_was_named(tmp_path: Path) -> None:
    named = {arm: EFFECTS[arm] for arm in ("library", "mesh", "none")}
    found = evidence(write_run(tmp_path, effects=named, repetitions=8))
    pairs = [(one.arm, one.base) for one in comparisons(found)]
    assert pairs == [("library", "none"), ("mesh", "none"), ("mesh", "library")]
    (advised,) = recommendations(found, comparisons(found))
    assert not any("no arm was compared with the control" in each for each in advised.limits)


@pytest.mark.parametrize("scenario", ["canary", "section-down", "noisy-neighbour"])
def test_a_blast_radius_of_nothing_is_known_no_better_than_its_frames_allow(tmp_path: Path, scenario: str) -> None:
    effects = {"none": Effect(), "mesh": Effect()}
    run = write_run(tmp_path, scenarios=(scenario,), effects=effects, repetitions=5)
    (one,) = comparisons(evidence(run))
    assert one.measure.name.startswith("blast")
    assert one.pairs == ((0.0, 0.0),) * 5
    assert one.interval is not None
    assert one.interval.low < 0 < one.interval.high


def test_wasted_attempts_that_nobody_made_are_known_no_better_than_the_attempts_allow(tmp_path: Path) -> None:
    base, arm = evidence(write_run(tmp_path, effects={"none": Effect(), "mesh": Effect()}, repetitions=5)).groups
    waste = MEASURES["waste"]
    interval = changed(waste, paired(arm, base, waste, "all"), resolution(arm, base, waste, "all"))
    assert interval is not None
    assert interval.low < 0 < interval.high


@pytest.mark.parametrize(
    "scenario", ["rolling-restart", "policy-change", "scale-out", "overload-step", "overload-spike"]
)
def test_a_fault_phase_in_which_nothing_is_broken_is_looked_at_first_too(tmp_path: Path, scenario: str) -> None:
    run = write_run(tmp_path, scenarios=(scenario,), effects={"none": Effect(availability=0.5)}, repetitions=1)
    (group,) = evidence(run).groups
    (row,) = answers(evidence(run)).rows
    assert group.window == "fault"
    assert float(row[2].text.split()[0]) < 75


def test_without_a_fault_phase_the_steady_one_is_looked_at(tmp_path: Path) -> None:
    (group,) = evidence(write_run(tmp_path, scenarios=("steady",), effects={"none": Effect()}, repetitions=1)).groups
    assert group.window == "steady"
