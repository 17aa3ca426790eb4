"""An A/A control, and a run that stopped early, in their reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import report as reports
from benchmarks.plan import Cell
from benchmarks.report.evidence import comparisons, evidence
from benchmarks.results import Run
from tests.benchmarks.report.test_report import printed, table
from tests.benchmarks.synthetic import EFFECTS, Effect, save, write_run


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
    measured = [(row[1].text, row[2].text, row[3].text) for row in rows]
    assert {arm for arm, *_ in measured} == {"library", "library-endpoints"}
    assert len(measured) == len(set(measured))


@pytest.mark.parametrize(
    ("scenario", "measure"), [("total-outage", "time to recover / phase"), ("overload-spike", "goodput")]
)
def test_the_noise_of_the_primary_measure_is_that_of_the_phase_in_which_it_decides(
    tmp_path: Path, scenario: str, measure: str
) -> None:
    effects = {"none": Effect(), "none#2": Effect()}
    rows = table(reports.report(write_run(tmp_path, scenarios=(scenario,), effects=effects)), "noise").rows
    assert (measure, "recovery phase") in {(row[2].text, row[3].text) for row in rows}


def test_the_noise_of_a_ratio_is_the_factor_of_one_standard_deviation_of_its_logarithm(tmp_path: Path) -> None:
    factors = (0.25, 0.5, 1.0, 2.0, 4.0)

    def costs(cell: Cell, record: dict[str, Any]) -> None:
        record["usage"]["app"]["cpu_s"] = factors[cell.repetition - 1] if cell.arm == "none#2" else 1.0

    effects = {"none": Effect(), "none#2": Effect()}
    run = write_run(tmp_path, scenarios=("steady",), effects=effects, change=costs)
    (cpu,) = [row for row in table(reports.report(run), "noise").rows if row[2].text.startswith("CPU")]
    # log2 is -2, -1, 0, 1, 2, of variance 2.5
    assert cpu[6].figures["value"] == pytest.approx(2**2.5**0.5, rel=1e-3)
    assert cpu[6].text == "x2.99"


def test_a_run_that_stopped_early_says_after_how_much_and_why(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=5, only=lambda cell: cell.repetition <= 3)
    run.stop("all was known")
    assert {cell.repetition for cell in run.plan} == {1, 2, 3}
    assert not run.missing()
    assert "Stopped after 3 repetitions: all was known." in printed(run)
    assert not run.verify()


def narrowing(run: Run) -> Run:
    run.header = run.header.model_copy(update={"until_narrow": True})
    return run


def test_a_run_that_went_to_its_last_repetition_says_so_whatever_was_void_on_the_way(tmp_path: Path) -> None:
    run = narrowing(write_run(tmp_path, repetitions=5, only=lambda cell: False))
    first, *_ = run.plan
    save(run, first, EFFECTS[first.arm], lambda cell, record: record.update(void=["machine busy"]))
    for cell in run.plan:
        save(run, cell, EFFECTS[cell.arm])
    assert len(evidence(run).void) == 1
    assert "Went on to its last repetition" in printed(run)


def test_a_run_that_was_interrupted_is_not_said_to_have_gone_on_to_its_last_repetition(tmp_path: Path) -> None:
    run = narrowing(write_run(tmp_path, repetitions=5, only=lambda cell: cell.repetition <= 3))
    assert "Went on to its last repetition" not in printed(run)
