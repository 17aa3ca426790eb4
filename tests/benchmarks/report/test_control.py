"""An A/A control, and a run that stopped early, in their reports."""

from __future__ import annotations

from pathlib import Path

from benchmarks import report as reports
from benchmarks.report.evidence import comparisons, evidence
from tests.benchmarks.report.test_report import printed, table
from tests.benchmarks.synthetic import EFFECTS, write_run


def test_a_control_compares_each_arm_with_its_twin_alone_and_publishes_the_noise(tmp_path: Path) -> None:
    effects = {name: EFFECTS[name.removesuffix("#2")] for name in ("none", "mesh", "none#2", "mesh#2")}
    run = write_run(tmp_path, effects=effects, repetitions=8)
    assert [(one.arm, one.base) for one in comparisons(evidence(run))] == [("none#2", "none"), ("mesh#2", "mesh")]
    noise = table(reports.report(run), "noise")
    assert {row[1].text for row in noise.rows} == {"none", "mesh"}
    assert "availability" in {row[2].text for row in noise.rows}
    assert not [one for one in reports.report(run).tables if one.key == "advice"]


def test_an_arm_whose_name_begins_with_anothers_is_no_twin_of_it(tmp_path: Path) -> None:
    names = ("library", "library-endpoints", "library#2", "library-endpoints#2")
    run = write_run(tmp_path, effects=dict.fromkeys(names, EFFECTS["library"]), repetitions=5)
    rows = table(reports.report(run), "noise").rows
    measured = [(row[1].text, row[2].text) for row in rows]
    assert {arm for arm, _ in measured} == {"library", "library-endpoints"}
    assert len(measured) == len(set(measured))


def test_a_run_that_stopped_early_says_after_how_much_and_why(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=5, only=lambda cell: cell.repetition <= 3)
    run.stop("all was known")
    assert {cell.repetition for cell in run.plan} == {1, 2, 3}
    assert not run.missing()
    assert "Stopped after 3 repetitions: all was known." in printed(run)
    assert not run.verify()
