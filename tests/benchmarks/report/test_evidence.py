"""What is compared, and how finely cells of their size can know it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measures import MEASURES
from benchmarks.report.evidence import comparisons, evidence
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
