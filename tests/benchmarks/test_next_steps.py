"""What a bench tells its user to do next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from benchmarks.next_steps import again, next_steps
from benchmarks.order import ISTIO
from benchmarks.plan import Cell
from benchmarks.report.evidence import comparisons, evidence
from benchmarks.results import Run
from istio.compile.versions import NEWEST, VERSIONS
from k8s.image import TAG
from tests.benchmarks.synthetic import EFFECTS, Effect, write_run
from tests.benchmarks.test_sweep import write


def steps(run: Run) -> list[tuple[str, str]]:
    found = evidence(run)
    return next_steps(run, comparisons(found), found.control)


def commands(run: Run) -> list[str]:
    return [what for what, _ in steps(run)]


def test_the_page_is_always_named(tmp_path: Path) -> None:
    assert str(tmp_path / "synthetic" / "report.html") in commands(write_run(tmp_path))


def test_void_cells_are_resumed_before_anything_else(tmp_path: Path) -> None:
    def spoil(cell: Cell, record: dict[str, Any]) -> None:
        record["void"] = ["machine busy"] if cell.repetition == 1 else []

    (first, why), *_ = steps(write_run(tmp_path, change=spoil))
    assert first == f"goaround bench --resume synthetic --results {tmp_path}"
    assert why.startswith("3 of 15 cells have no good try")


def test_too_few_repetitions_for_a_verdict_are_made_five_of_the_same(tmp_path: Path) -> None:
    found = commands(write_run(tmp_path, repetitions=2))
    assert any(
        each.startswith("goaround bench --arm none --arm library --arm mesh --scenario error-burst --repetitions 5")
        for each in found
    )


def test_policies_and_scenarios_of_ones_own_are_named_by_their_files(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=2)
    mine = tuple(
        each.model_copy(update={"policies": "some/mine"} if each.mode == "mesh" else {}) for each in run.header.arms
    )
    run.header = run.header.model_copy(update={"arms": mine, "files": {"error-burst": "some/error-burst.yaml"}})
    (again,) = [each for each in commands(run) if "--repetitions 5" in each]
    assert "--arm mesh:some/mine --scenario some/error-burst.yaml" in again


def test_the_rate_that_was_asked_for_is_asked_for_again_and_a_scenarios_own_is_not(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=2)
    assert not any("--rate" in each for each in commands(run))
    faster = {name: each.at_rate(45) for name, each in run.header.scenarios.items()}
    run.header = run.header.model_copy(update={"scenarios": faster})
    assert any("--rate 45 --repetitions 5" in each for each in commands(run))


def test_a_rate_that_is_swept_is_not_asked_for(tmp_path: Path) -> None:
    sweep = write(tmp_path, "load.rate: [10, 15]")
    run = write_run(tmp_path, scenarios=[str(sweep)], repetitions=2)
    run.header = run.header.model_copy(update={"files": {"mine": str(sweep)}})
    assert not any("--rate" in each for each in commands(run))


@pytest.mark.parametrize(("target", "named"), [("local", True), ("cluster", False)])
def test_istios_version_is_named_again_where_it_can_be_chosen(tmp_path: Path, target: str, named: bool) -> None:
    run = write_run(tmp_path, repetitions=2)
    older = {"versions": {ISTIO: VERSIONS[0]}, "environment": {"target": target}}
    assert VERSIONS[0] != NEWEST
    run.header = run.header.model_copy(update=older)
    assert any(f"--istio-version {VERSIONS[0]}" in each for each in commands(run)) is named


@pytest.mark.parametrize(("image", "named"), [(TAG, False), ("registry.example/goaround:9", True)])
def test_an_image_of_ones_own_is_named_again(tmp_path: Path, image: str, named: bool) -> None:
    run = write_run(tmp_path, repetitions=2)
    run.header = run.header.model_copy(update={"environment": {"target": "cluster", "image": image}})
    assert any("--image" in each for each in commands(run)) is named
    assert any(f"--image {image}" in each for each in commands(run)) is named


def test_a_bench_that_may_stop_early_may_do_so_again_where_it_is_long_enough(tmp_path: Path) -> None:
    header = write_run(tmp_path, repetitions=1).header.model_copy(update={"until_narrow": True})
    assert "--until-narrow --repetitions 24" in again(header, 24)
    assert "--until-narrow" not in again(header, 12)


def test_what_is_inconclusive_is_repeated_twice_as_often(tmp_path: Path) -> None:
    found = [
        why
        for what, why in steps(write_run(tmp_path, scenarios=("steady", "error-burst")))
        if "--repetitions 10" in what
    ]
    assert found == ["1 of 6 comparisons are inconclusive"]


def test_a_run_without_the_control_is_told_to_add_it(tmp_path: Path) -> None:
    run = write_run(tmp_path, effects={arm: EFFECTS[arm] for arm in ("library", "mesh")})
    assert any("--arm none --arm library --arm mesh" in each for each in commands(run))


def test_differences_that_were_found_are_held_against_the_noise_floor(tmp_path: Path) -> None:
    plain = {"none": Effect(availability=0.7), "mesh": Effect(availability=0.98)}
    assert any(each.startswith("goaround bench --aa ") for each in commands(write_run(tmp_path, effects=plain)))


@pytest.mark.parametrize("repetitions", [1, 5])
def test_each_command_names_its_run_so_that_it_can_be_pasted(tmp_path: Path, repetitions: int) -> None:
    run = write_run(tmp_path, repetitions=repetitions)
    benches = [shlex.split(each) for each in commands(run) if each.startswith("goaround bench")]
    assert benches
    assert all(words[-2:] == ["--results", str(tmp_path)] for words in benches)


def test_a_run_of_a_cluster_is_repeated_and_resumed_there(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=2, only=lambda cell: cell.repetition == 1)
    run.header = run.header.model_copy(update={"environment": {"target": "cluster"}, "one_world_at_a_time": True})
    found = commands(run)
    assert found[0] == f"goaround bench --resume synthetic --target cluster --results {tmp_path}"
    assert any("--target cluster --one-world-at-a-time --repetitions 5" in each for each in found)
