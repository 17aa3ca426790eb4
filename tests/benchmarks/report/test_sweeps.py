"""The tables of a sweep, on runs in which the better arm is planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.report import report
from benchmarks.report.table import Table
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


@pytest.mark.parametrize("other", ["mesh@retries.attempts=0", "mesh@retries.attempts=2"])
def test_arms_of_a_sweep_are_compared_at_the_same_point_alone(tmp_path: Path, other: str) -> None:
    effects = {"library@retries.attempts=2": Effect(), other: Effect(), "none": Effect()}
    run = write_run(tmp_path, effects=effects, repetitions=2)
    run.header = run.header.model_copy(
        update={
            "arms": tuple(
                arm.model_copy(update={"settings": {"retries.attempts": int(arm.name[-1])} if "@" in arm.name else {}})
                for arm in run.header.arms
            )
        }
    )
    compared = [value.text for row in next(t for t in report(run).tables if t.key == "verdicts").rows for value in row]
    assert (f"{other} vs library@retries.attempts=2" in compared) is other.endswith("2")
    assert f"none vs {other}" in compared
