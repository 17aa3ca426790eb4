"""A run that lacks nothing: resuming it must cost nothing, and its end is what a bench says at its end."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.arm import Arm
from benchmarks.bench import bench
from benchmarks.order import create, order
from benchmarks.worlds import prepare
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.target import Rendered
from tests.benchmarks.conftest import Told
from tests.benchmarks.synthetic import Effect, save, write_run


async def test_a_run_that_lacks_nothing_starts_no_world(tmp_path: Path) -> None:
    class Untouched(LocalTarget):
        async def up(self, name: str, rendered: Rendered, *, attached: bool, seed: int) -> LocalWorld:
            raise AssertionError(f"{name} was started")

    run = write_run(tmp_path)
    console = Console(file=StringIO())
    await bench(run, prepare(LocalTarget(), [Arm("none")], None), Untouched(), console)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"duplicated": 2}, "integrity not kept: 2 frames stored more than once"),
        ({"false_acks": 1}, "integrity not kept: 1 frame acknowledged and not stored"),
    ],
)
def test_a_bench_whose_integrity_is_not_kept_names_the_cell_and_ends_with_exit_code_one(
    tmp_path: Path, told: Told, changes: dict[str, int], said: str
) -> None:
    wanted = order(
        profile_name="quick", arms=["none"], scenario_names=["steady"], repetitions=1, rate=None, seed=1,
        policies="matched",
    )  # fmt: skip
    run = create(wanted, prepare(LocalTarget(), wanted.arms, wanted.times).rendered, tmp_path)
    for cell in run.plan:
        save(run, cell, Effect(), lambda _, record: record["integrity"].update(changes))
    code, _, warned = told("bench", "--resume", run.name, "--results", tmp_path)
    assert (code, warned) == ((1, f"goaround: r1-steady-none: {said}\n") if said else (0, ""))


def test_the_help_of_a_bench_says_what_its_exit_code_means(told: Told) -> None:
    _, helped, _ = told("bench", "--help")
    assert "stored more than once, or acknowledged and not stored" in " ".join(helped.split())
