"""How long a bench is said to take."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.estimate import (
    CELL_S,
    IN_A_CLUSTER_CELL_S,
    IN_A_CLUSTER_WORLD_S,
    WORLD_S,
    estimate_s,
    sentence,
    spoken,
)
from tests.benchmarks.synthetic import write_run


def test_the_time_is_that_of_the_loads_the_cells_and_the_worlds(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=2, only=lambda cell: False)
    load = run.scenarios["error-burst"].duration_s
    assert estimate_s(run) == pytest.approx(6 * (load + CELL_S) + 3 * WORLD_S)
    assert sentence(run).startswith("time: about 60 s for 6 cells and 3 worlds;")


def test_what_is_there_already_takes_no_time_again(tmp_path: Path) -> None:
    half = write_run(tmp_path / "half", repetitions=2, only=lambda cell: cell.repetition == 1)
    none = write_run(tmp_path / "none", repetitions=2, only=lambda cell: False)
    assert estimate_s(half) < estimate_s(none)
    assert estimate_s(write_run(tmp_path / "all", repetitions=1)) == 0


def test_in_a_cluster_cells_and_worlds_take_longer(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=2, only=lambda cell: False)
    load = run.scenarios["error-burst"].duration_s
    run.header = run.header.model_copy(update={"environment": {"target": "cluster"}})
    assert estimate_s(run) == pytest.approx(6 * (load + IN_A_CLUSTER_CELL_S) + 3 * IN_A_CLUSTER_WORLD_S)


def test_worlds_that_take_turns_start_again_for_each(tmp_path: Path) -> None:
    run = write_run(tmp_path, scenarios=("error-burst", "bad-replica"), repetitions=1, only=lambda cell: False)
    together = estimate_s(run)
    by_arm = tuple(sorted(run.header.plan, key=lambda cell: cell.arm))
    run.header = run.header.model_copy(update={"one_world_at_a_time": True, "plan": by_arm})
    assert estimate_s(run) - together == pytest.approx(3 * WORLD_S)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3, "10 s"), (44, "40 s"), (100, "2 min"), (517, "9 min"), (3600, "1 h"), (12_100, "3 h 20 min"), (7170, "2 h")],
)
def test_times_are_said_as_a_person_would(seconds: float, said: str) -> None:
    assert spoken(seconds) == said
