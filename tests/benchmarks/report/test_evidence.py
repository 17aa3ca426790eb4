"""What is compared, and how finely cells of their size can know it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measures import MEASURES
from benchmarks.report.evidence import comparisons, evidence
from benchmarks.report.outcomes import glance
from benchmarks.verdict import Verdict
from tests.benchmarks.synthetic import Effect, write_run


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
