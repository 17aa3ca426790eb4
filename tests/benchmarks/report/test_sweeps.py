"""The tables of a sweep, on runs in which the better arm is planted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.report import report
from benchmarks.report.advice import advice
from benchmarks.report.evidence import comparisons, evidence
from benchmarks.report.html import render
from benchmarks.report.table import Table
from benchmarks.results import Run
from tests.benchmarks.synthetic import Effect, save, write_run
from tests.benchmarks.test_sweep import write

# availability of library and mesh at each rate: the library is better, then neither, then the mesh
PLANTED = {0.1: (0.99, 0.80), 0.3: (0.90, 0.90), 0.5: (0.60, 0.85)}


def tables(folder: Path, repetitions: int) -> dict[str, Table]:
    sweep = write(folder, f"fault.rate: {list(PLANTED)}")
    sweep.write_text(sweep.read_text().replace("steady: 0.5, fault: 2.0", "steady: 5.0, fault: 60.0"))
    effects = {"library": Effect(), "mesh": Effect()}
    run = write_run(folder, scenarios=[str(sweep)], effects=effects, repetitions=repetitions, only=lambda cell: False)
    for cell in run.plan:
        rate = float(cell.scenario.partition("=")[2])
        save(run, cell, Effect(availability=PLANTED[rate][cell.arm == "mesh"]))
    return {table.key: table for table in report(run).tables}


def texts(table: Table) -> list[list[str]]:
    return [[value.text for value in row] for row in table.rows]


def test_the_flip_is_named_with_the_values_and_the_intervals_that_decide_it(tmp_path: Path) -> None:
    found = tables(tmp_path, repetitions=6)
    curve = texts(found["curves"])
    assert [(row[0], row[1], row[2], row[-1]) for row in curve] == [
        ("mine", "fault.rate=0.1", "mesh vs library", "library"),
        ("mine", "fault.rate=0.3", "mesh vs library", "either"),
        ("mine", "fault.rate=0.5", "mesh vs library", "mesh"),
    ]
    flips = [row[-1] for row in texts(found["flips"])]
    intervals = [row[4] for row in curve]
    assert flips == [
        f"library at 0.1 {intervals[0]} -> either at 0.3 {intervals[1]}",
        f"either at 0.3 {intervals[1]} -> mesh at 0.5 {intervals[2]}",
    ]


def test_too_few_pairs_decide_nothing_and_the_table_says_so(tmp_path: Path) -> None:
    assert [row[1:] for row in texts(tables(tmp_path, repetitions=2)["flips"])] == [
        ["fault.rate", "mesh vs library", "not decided: 0 of 3 points are decided"]
    ]


def test_a_run_without_a_sweep_has_no_such_tables(tmp_path: Path) -> None:
    keys = {table.key for table in report(write_run(tmp_path, repetitions=1)).tables}
    assert not keys & {"curves", "flips"}


def of_policies(folder: Path, effects: Mapping[str, Effect], repetitions: int) -> Run:
    """A run whose arms are at points of `retries.attempts`, as their names say."""
    run = write_run(folder, effects=effects, repetitions=repetitions)
    arms = (
        arm.model_copy(
            update={
                "mode": arm.name.partition("@")[0],
                "settings": {"retries.attempts": int(arm.name[-1])} if "@" in arm.name else {},
            }
        )
        for arm in run.header.arms
    )
    run.header = run.header.model_copy(update={"arms": tuple(arms)})
    return run


@pytest.mark.parametrize("other", ["mesh@retries.attempts=0", "mesh@retries.attempts=2"])
def test_arms_of_a_sweep_are_compared_at_the_same_point_alone(tmp_path: Path, other: str) -> None:
    effects = {"library@retries.attempts=2": Effect(), other: Effect(), "none": Effect()}
    run = of_policies(tmp_path, effects, repetitions=2)
    compared = [value.text for row in next(t for t in report(run).tables if t.key == "verdicts").rows for value in row]
    assert (f"{other} vs library@retries.attempts=2" in compared) is other.endswith("2")
    assert f"{other} vs none" in compared


def test_each_point_of_a_sweep_of_policies_has_an_answer_of_its_own(tmp_path: Path) -> None:
    planted = {
        "none": 0.50,
        "library@retries.attempts=1": 0.50,
        "mesh@retries.attempts=1": 0.75,
        "library@retries.attempts=3": 0.97,
        "mesh@retries.attempts=3": 0.75,
    }
    run = of_policies(tmp_path, {arm: Effect(availability=share) for arm, share in planted.items()}, repetitions=8)
    found = evidence(run)
    shown = advice(found, comparisons(found))
    at = {column.key: place for place, column in enumerate(shown.columns)}
    assert [[row[at[key]] for key in ("point", "where", "arm")] for row in texts(shown)] == [
        ["retries.attempts=1", "mesh", "mesh@retries.attempts=1"],
        ["retries.attempts=3", "library", "library@retries.attempts=3"],
    ]
    page = render(report(run), found, comparisons(found))
    assert "retries.attempts=1: In the mesh." in page
    assert "retries.attempts=3: In the library." in page
