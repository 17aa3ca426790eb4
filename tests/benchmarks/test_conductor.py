"""A run that is asked for in Locust: headless, interrupted, in a world that runs already; and what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from benchmarks import results
from benchmarks.conductor import require_entry, wanted
from benchmarks.errors import BadInput
from benchmarks.report import report
from benchmarks.results import Run
from benchmarks.worlds import prepare
from k8s.local.target import LocalTarget
from loadtests.run import OWN

LOCUSTFILE = Path(__file__).parents[2] / "loadtests" / "locustfile.py"


def test_what_is_left_out_is_as_the_scenario_has_it() -> None:
    found = wanted({})
    (scenario,) = found.order.scenarios
    assert (found.entry, found.order.seed, scenario.name) == (None, 1, "steady")
    (again,) = wanted({"scenario": "steady", "pattern": OWN, "entry": "all", "stretch": "1"}).order.scenarios
    assert again == scenario


def test_rate_pattern_stretch_and_entry_can_be_chosen() -> None:
    fields = {"scenario": "bad-replica", "rate": "12.5", "pattern": "constant", "stretch": "2", "entry": "collector-1"}
    found = wanted(fields)
    (scenario,) = found.order.scenarios
    (own,) = wanted({"scenario": "bad-replica"}).order.scenarios
    assert (scenario.load.rate, scenario.load.pattern, found.entry) == (12.5, "constant", "collector-1")
    assert scenario.phases.fault == 2 * own.phases.fault


def test_everything_that_is_wrong_is_said_at_once() -> None:
    wrong = {"mode": "mash", "scenario": "bad", "rate": "many", "pattern": "bursts", "seed": "-1", "stretch": "0"}
    with pytest.raises(BadInput) as refused:
        wanted(wrong)
    assert len(refused.value.problems) == 6
    for word in ("'mash'; choose from", "'bad'; choose one of", "rate: 'many'", "'bursts'", "seed: -1", "stretch: 0"):
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("scenario", "entry", "there"),
    [("steady", "cpanel-v1-0", "collector-0, collector-1"), ("momentum-down", "collector-0", "cpanel-v1-0")],
)
def test_an_entry_must_be_one_of_the_pods_at_which_that_load_enters(scenario: str, entry: str, there: str) -> None:
    asked = wanted({"mode": "none", "scenario": scenario, "entry": entry})
    prepared = prepare(LocalTarget(), asked.order.arms, asked.order.times)
    with pytest.raises(BadInput, match=f"{entry!r} is not where {scenario} enters; choose from: all, {there}"):
        require_entry(asked, prepared)
    require_entry(wanted({"mode": "none", "scenario": scenario}), prepared)


@contextmanager
def locust(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", *arguments]
    # a group of its own, so that a signal to it is what Ctrl-C in a terminal is
    with subprocess.Popen(  # noqa: S603
        [*command, "--results", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        yield process


def kept(folder: Path) -> Run:
    (name,) = results.runs(folder)
    return results.open_run(name, folder)


def test_a_headless_run_is_a_run_like_any_other(tmp_path: Path) -> None:
    arguments = ("--mode", "none", "--scenario", "bad-replica", "--rate", "20", "--stretch", "0.5", "--seed", "5")
    with locust(tmp_path, *arguments, "--entry", "collector-1") as process:
        said, _ = process.communicate(timeout=100)
    run = kept(tmp_path)
    (cell,) = run.measured()
    assert run.verify() == []
    assert cell.record.generator is not None
    assert cell.record.generator.arrivals == len(cell.rows) > 20
    assert len({row.entry for row in cell.rows}) == 1
    assert "every frame entered at collector-1" in run.header.notes
    assert cell.record.fault is not None
    assert sum(cell.record.fault["fired"].values()) > 0
    assert report(run).tables
    # a machine that is busy with other tests voids the cell, and the exit code says so
    assert process.returncode == (1 if cell.record.void else 0), said


def test_ctrl_c_keeps_what_was_measured_and_leaves_nothing_running(tmp_path: Path) -> None:
    with locust(tmp_path, "--mode", "none", "--stretch", "20") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "brought back" in line:
                break
        there = psutil.Process(process.pid).children(recursive=True)
        assert len(there) > 10
        rows = None
        while rows is None and process.poll() is None:  # the load begins when the file of its rows can be written
            rows = next(iter(tmp_path.glob("*/cells/.*.part")), None)
        os.killpg(process.pid, signal.SIGINT)
        process.stdout.read()
        process.wait(60)
    (cell,) = kept(tmp_path).measured()
    assert "the generator was interrupted" in cell.record.void
    assert cell.record.generator is not None
    assert cell.record.generator.sent == len(cell.rows) < cell.record.generator.arrivals
    assert not [each for each in there if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_what_cannot_be_run_is_refused_before_a_world_is_started(tmp_path: Path) -> None:
    with locust(tmp_path, "--mode", "mash", "--entry", "collector-7") as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "unknown mode 'mash'; choose from: none, library" in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_what_a_mode_cannot_do_is_refused_with_the_modes_that_can(tmp_path: Path) -> None:
    with locust(tmp_path, "--mode", "none", "--scenario", "proxy-down") as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "proxy-down: arm none: " in said
    assert "it is meant for: sidecar, mesh" in said
    assert not list(tmp_path.iterdir())
