"""The bench as a user runs it: a real command, real worlds, real signals."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from statistics import NormalDist
from time import monotonic, sleep

import psutil
import pytest

from benchmarks import results
from benchmarks.measures.availability import availability
from benchmarks.measures.integrity import account
from benchmarks.results import Run
from loadtests.rows import Outcome
from tests.commands import started, until

GOAROUND = Path(sys.executable).with_name("goaround")
pytestmark = pytest.mark.timeout(300)  # a bench waits until its worlds are calm, which takes long beside other tests
SHORT = """
question: Is the fault what it says?
primary: {{measure: availability, phase: fault, margin: 0.05}}
expectation: {{result: availability is one minus the rate, source: arithmetic}}
load: {{pattern: constant, rate: {rate}}}
phases: {{warm: 0.2, steady: 0.2, fault: {fault}, recovery: 0.2}}
fault: {{kind: abort, service: image-analysis, replicas: all, status: 503, rate: 0.3}}
slo: {{latency_ms: 500}}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A profile multiplies phases; `quick` takes them as they are."""
    path = tmp_path / "short.yaml"
    path.write_text(SHORT.format(rate=30, fault=0.5))
    return path


def command(tmp_path: Path, *arguments: str | Path) -> list[str]:
    return [str(GOAROUND), "bench", "--results", str(tmp_path / "results"), *map(str, arguments)]


def goaround(tmp_path: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(tmp_path, *arguments), capture_output=True, text=True, timeout=240, check=False)  # noqa: S603


def alive(processes: list[psutil.Process]) -> list[str]:
    found = []
    for each in processes:
        try:
            if each.is_running() and each.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(each.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return found


def only_run(tmp_path: Path) -> Run:
    (name,) = results.runs(tmp_path / "results")
    return results.open_run(name, tmp_path / "results")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    """A run of library and mesh that ended, and what was printed of it."""
    folder = tmp_path_factory.mktemp("finished")
    short, doomed = folder / "short.yaml", folder / "doomed.yaml"
    short.write_text(SHORT.format(rate=30, fault=0.5))
    doomed.write_text(SHORT.format(rate=10, fault=0.6).replace("rate: 0.3", "rate: 1"))
    chosen = ("--arm", "library", "--arm", "mesh", "--scenario", short, "--scenario", doomed, "--repetitions", "1")
    done = goaround(folder, *chosen)
    assert done.returncode == 0, done.stderr
    return only_run(folder), done.stdout


@pytest.mark.xdist_group("finished-bench")
def test_a_bench_keeps_cells_whose_tables_can_be_made_again(finished: tuple[Run, str]) -> None:
    run, printed = finished
    again = subprocess.run(  # noqa: S603
        [str(GOAROUND), "report", str(run.folder)], capture_output=True, text=True, timeout=60, check=True
    )
    assert again.stdout.strip()
    assert again.stdout.strip() in printed
    assert run.verify() == []


@pytest.mark.xdist_group("finished-bench")
def test_a_failed_row_of_a_bench_leads_to_every_attempt_of_its_request_in_every_arm(finished: tuple[Run, str]) -> None:
    run, _ = finished
    records = [record for record in run.records() if record.scenario == "doomed"]
    assert {record.arm for record in records} == {"library", "mesh"}
    for record in records:
        failed = {row.frame_id for row in run.rows(record) if row.outcome is Outcome.REJECTED}
        assert failed
        assert failed == set(record.traced)
        shown = subprocess.run(  # noqa: S603
            [str(GOAROUND), "trace", record.traced[0], "--run", str(run.folder), "--cell", record.cell],
            capture_output=True, text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        assert re.search(r"attempt 2 \(sidecar\)" if record.arm == "mesh" else r"attempt 2 ", shown), shown
        assert re.search(r"image-analysis-\d answers collector: POST /frame  503 FI", shown), shown


@pytest.mark.xdist_group("finished-bench")
def test_nothing_is_stored_twice_and_every_loss_is_told_while_a_dependency_fails(finished: tuple[Run, str]) -> None:
    run, printed = finished
    found = account((each, run.scenarios[each.scenario]) for each in run.records())
    assert f"integrity: {found.sentence()}" in printed
    assert found.sent > 40
    assert found.kept


def test_an_interrupted_bench_leaves_no_process_keeps_its_cells_and_can_be_finished(
    tmp_path: Path, scenario: Path
) -> None:
    with started(command(tmp_path, "--arm", "library", "--scenario", scenario, "--repetitions", "3")) as process:
        until(process, r"^\[1/3\]")
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert "goaround bench --resume" in until(process, "resume")
        assert process.wait(20) == 130
    assert alive(children) == []
    kept = {path.name: path.read_bytes() for path in (only_run(tmp_path).folder / "cells").glob("r1-*")}
    assert {"r1-short-library.json", "r1-short-library.csv.gz"} <= kept.keys()  # and the calls of frames that failed
    done = goaround(tmp_path, "--resume", only_run(tmp_path).name)
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path)
    assert {record.cell for record in run.records()} == {cell.id for cell in run.plan}
    assert {name: (run.folder / "cells" / name).read_bytes() for name in kept} == kept


@pytest.mark.parametrize("moment", ["world library", r"^\[1/2\]"])
def test_a_bench_that_is_killed_leaves_no_process_after_five_seconds(
    tmp_path: Path, scenario: Path, moment: str
) -> None:
    with started(
        command(tmp_path, "--arm", "library", "--arm", "mesh", "--scenario", scenario, "--repetitions", "1")
    ) as process:
        until(process, moment)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) > 15
        process.kill()
    deadline = monotonic() + 5
    while (left := alive(children)) and monotonic() < deadline:
        sleep(0.1)
    assert left == []


def test_a_fault_that_never_acts_voids_its_cell_in_the_table_the_report_and_the_exit_code(
    tmp_path: Path, scenario: Path
) -> None:
    # nothing calls the control panel, and a script is not used up by calls of the harness
    script = "{kind: fail-first, service: cpanel, replicas: 1, count: 3}"
    scenario.write_text(re.sub("fault: {kind.*", f"fault: {script}", scenario.read_text()))
    done = goaround(tmp_path, "--arm", "none", "--scenario", scenario, "--repetitions", "1")
    assert done.returncode == 1, done.stderr
    assert done.stderr == "goaround: r1-short-none: void: its fault was not proven in any try\n"
    said = "fault not proven to fire on cpanel-v"
    for form in ("terminal", "markdown", "json", "html"):
        shown = subprocess.run(  # noqa: S603
            [str(GOAROUND), "report", str(only_run(tmp_path).folder), "--format", form],
            capture_output=True, text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        assert said in shown
        assert "void" in shown
    assert re.search(r"short +availability, fault phase +void", done.stdout)


@pytest.mark.parametrize("arm", ["none", "sidecar"])
def test_without_policies_availability_is_one_minus_the_rate_of_the_fault(tmp_path: Path, arm: str) -> None:
    path = tmp_path / "oracle.yaml"
    path.write_text(SHORT.format(rate=60, fault=5))
    done = goaround(tmp_path, "--arm", arm, "--scenario", path, "--repetitions", "1")
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path)
    cell = run.measured()[0]
    # A machine that is busy with other tests voids the cell; it does not change how often the fault strikes.
    assert all(reason.startswith(("machine busy", "generator late", "idle world")) for reason in cell.record.void)
    measured = availability(cell.rows, cell.record, run.scenarios["oracle"], "fault")
    # 300 calls, each failed with probability 0.3 on its own; one run in a thousand may lie outside
    bound = NormalDist().inv_cdf(0.9995) * (0.3 * 0.7 / 300) ** 0.5
    assert measured == pytest.approx(0.7, abs=bound)
