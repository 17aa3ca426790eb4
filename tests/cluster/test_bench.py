"""A bench in a real cluster: it ends with its table, and whatever ends it early, nothing of it is left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.results import Run
from k8s.cluster.api import Api
from k8s.cluster.job import namespace
from tests.cluster.given import CLUSTER, MISSING
from tests.cluster.listing import listing
from tests.commands import started, until

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

GOAROUND = Path(sys.executable).with_name("goaround")
SHORT = ("--profile", "smoke", "--scenario", "error-burst", "--rate", "5")
pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("cluster"), pytest.mark.usefixtures("as_before")]


def command(tmp_path: Path, *arguments: str) -> list[str]:
    return [str(GOAROUND), "bench", *CLUSTER, "--results", str(tmp_path), *arguments]


def the_run(tmp_path: Path) -> Run:
    [name] = results.runs(tmp_path)
    return results.open_run(name, tmp_path)


def test_a_library_and_a_mesh_are_compared_there(tmp_path: Path) -> None:
    arms = ("--arm", "library", "--arm", "mesh", "--repetitions", "1", "--one-world-at-a-time")
    done = subprocess.run(command(tmp_path, *SHORT, *arms), capture_output=True, text=True, check=False, timeout=800)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    run = the_run(tmp_path)
    assert run.ended()
    assert run.verify() == []
    said = " ".join(done.stdout.split())
    assert f"goaround: {run.name}" in said
    assert "At a glance" in said
    assert f"on {run.header.environment['processor']}, Kubernetes v" in said
    # a busy machine voids a cell, and says so; what was measured must be there all the same
    for record in run.records():
        assert record.fault is not None, record.void
        assert sum(record.fault["fired"].values()) > 0
        assert record.usage is not None
        assert record.usage.app.cpu_s > 0
        assert (record.usage.proxy.cpu_s > 0) == (record.mode == "mesh")


def test_ctrl_c_keeps_what_was_copied_and_nothing_in_the_cluster(tmp_path: Path) -> None:
    with started(command(tmp_path, *SHORT, "--arm", "none", "--repetitions", "20")) as process:
        until(process, r"^\[1/")
        until(process, r"^\[2/")
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.wait() == 128 + signal.SIGINT
    run = the_run(tmp_path)
    assert run.records()
    assert run.verify() == []
    assert f"goaround bench --resume {run.name} --target cluster" in said


def test_what_a_killed_command_left_goes_on_is_followed_again_and_is_removed_by_down(api: Api, tmp_path: Path) -> None:
    with started(command(tmp_path, *SHORT, "--arm", "none", "--repetitions", "20")) as process:
        until(process, r"^\[1/")
        process.kill()
    run = the_run(tmp_path)
    assert any(one.endswith(f"/{namespace(run.name)}") for one in listing(api))
    with started(command(tmp_path, "--resume", run.name)) as process:
        until(process, "following it again")
        until(process, r"^\[3/")
        process.kill()
    assert len(the_run(tmp_path).records()) >= 2
    down = [str(GOAROUND), "down", *CLUSTER, "--run", run.name]
    assert subprocess.run(down, check=False).returncode == 0  # noqa: S603
