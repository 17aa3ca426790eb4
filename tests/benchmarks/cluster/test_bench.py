"""A bench in a cluster as its user sees it.

The cluster is a small one of ours, its Job runs the real harness, and cells are written instead of measured.
"""

from __future__ import annotations

import asyncio
import base64
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import cli, results
from benchmarks.cluster import bench as benches
from benchmarks.cluster import copying, harness, turns
from benchmarks.cluster.bench import InCluster
from benchmarks.cluster.harness import Settings, serve
from benchmarks.errors import CannotWrite
from benchmarks.estimate import estimate_s
from benchmarks.results import Run
from benchmarks.worlds import Open
from k8s.cluster import follower, rest
from k8s.cluster.api import Api
from k8s.cluster.footprint import Footprint
from k8s.cluster.job import namespace
from k8s.cluster.operated import Say
from k8s.target import TargetError
from tests.benchmarks.conftest import Told
from tests.benchmarks.synthetic import EFFECTS, save, write_run
from tests.k8s.cluster.fake import TOKEN, Object
from tests.k8s.cluster.jobs import JobCluster, Ready, worlds_of
from tests.ports import free_ports

GOAROUND = Path(sys.executable).with_name("goaround")
ARMS = ("--arm", "none", "--arm", "library")
TWO_CELLS = ("--target", "cluster", "--profile", "smoke", "--scenario", "error-burst", *ARMS)
of_one_bench = pytest.mark.xdist_group("one bench in a cluster")
"""Tests that look at one bench are given to the same worker, which so runs it once."""


class Harness:
    """The program of the Job: the real harness, with `measure` writing cells that were never run.

    It stops before the cell number `hold`, until `go` is set; `fails` is raised in place of the first cell.
    """

    def __init__(self, cluster: JobCluster, api: Callable[[], Api], folder: Path) -> None:
        self.cluster, self.api, self.folder = cluster, api, folder
        self.cells: list[str] = []
        self.awake: list[tuple[str, list[str]]] = []
        self.hold, self.go = 0, asyncio.Event()
        self.fails: Exception | None = None
        self.collect_s = 60.0
        self.ready: Callable[[], None] = lambda: None
        self._jobs = 0

    async def __call__(self, job: Object, ready: Ready) -> int:
        self._jobs += 1
        own = job["metadata"]["namespace"]
        [config] = [one for one in self.cluster.of_kind("configmaps", own) if "binaryData" in one]
        [secret] = self.cluster.of_kind("secrets", own)
        folder = self.folder / f"job-{self._jobs}"
        folder.mkdir()
        archive = folder / "run.tar.gz"
        archive.write_bytes(base64.b64decode(config["binaryData"]["run.tar.gz"]))
        token = base64.b64decode(secret["data"]["token"]).decode()
        settings = Settings(worlds_of(job), archive, folder, self.collect_s, token)
        [port] = free_ports(1)
        self.ready = lambda: ready(port)
        return await serve(settings, self.api(), port, io.StringIO())

    async def measure(self, run: Run, opened: Open, console: Console, _first: Sequence[str] = ()) -> None:
        self.ready()
        async with opened(console.print) as up:
            for cell in run.missing():
                if self.fails:
                    raise self.fails
                if self.hold and len(self.cells) + 1 == self.hold:
                    await self.go.wait()
                await up.turn(cell.arm)
                self.awake.append((cell.arm, self._awake(run)))
                self.cells.append(cell.id)
                save(run, cell, EFFECTS[cell.arm])
                console.print(f"cell {cell.id}")

    def release(self) -> None:
        """Let the Job go on, from the thread of a test."""
        self.cluster._loop.call_soon_threadsafe(self.go.set)

    def _awake(self, run: Run) -> list[str]:
        worlds = [one.rpartition("/")[2] for one in self.cluster.objects if re.search(r"/namespaces/[^/]+$", one)]
        return [
            world.rpartition("-")[2]
            for world in worlds
            if world.startswith(namespace(run.name))
            and any(one["spec"]["replicas"] for one in self.cluster.of_kind("deployments", world))
        ]


@contextmanager
def running(patch: pytest.MonkeyPatch) -> Iterator[JobCluster]:
    """A cluster with both images, which is asked often."""
    for module in (follower, rest):
        patch.setattr(module, "POLL_S", 0.01)
    with JobCluster() as cluster:
        cluster.node("goaround:dev", "goaround-bench:dev")
        yield cluster


def configured(cluster: JobCluster, folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Have commands use this cluster; gives the kubeconfig."""
    file = cluster.kubeconfig(folder)
    patch.setenv("KUBECONFIG", str(file))
    return file


def with_a_harness(cluster: JobCluster, kubeconfig: Path, folder: Path, patch: pytest.MonkeyPatch) -> Harness:
    """Have the cluster's Jobs run our harness; worlds are calm at once."""

    async def calm(_worlds: object) -> None:
        pass

    found = Harness(cluster, lambda: Api(kubeconfig=kubeconfig), folder)
    cluster.program = found
    patch.setattr(harness, "measure", found.measure)
    patch.setattr(harness, "until_idle", calm)
    patch.setattr(turns, "until_idle", calm)
    return found


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[JobCluster]:
    with running(monkeypatch) as cluster:
        yield cluster


@pytest.fixture
def kubeconfig(cluster: JobCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return configured(cluster, tmp_path, monkeypatch)


@pytest.fixture
def job(cluster: JobCluster, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    return with_a_harness(cluster, kubeconfig, tmp_path, monkeypatch)


@pytest.fixture
def as_before(cluster: JobCluster) -> Iterator[set[str]]:
    """What is in the cluster, and must be all that is in it after the test."""
    before = cluster.listing()
    yield before
    assert cluster.listing() == before


@pytest.fixture
def bench(told: Told, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    return lambda *arguments: told("bench", *arguments, "--results", tmp_path / "results")


def the_run(tmp_path: Path) -> Run:
    [name] = results.runs(tmp_path / "results")
    return results.open_run(name, tmp_path / "results")


@dataclass(frozen=True, slots=True)
class Ended:
    """A bench that has ended: what it said, the folder of its results, and what it made in the cluster and left."""

    code: int
    out: str
    err: str
    folder: Path
    cells: Sequence[str]
    written: Sequence[Object]
    left: set[str]

    @property
    def run(self) -> Run:
        return the_run(self.folder)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """One bench for the tests that only look at it."""
    folder = tmp_path_factory.mktemp("ended")
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        running(patch) as cluster,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        job = with_a_harness(cluster, configured(cluster, folder, patch), folder, patch)
        before = cluster.listing()
        patch.setattr(sys, "argv", ["goaround", "bench", *TWO_CELLS, "--results", str(folder / "results")])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        left = cluster.listing() - before
    code = int(exit_.value.code or 0)
    return Ended(code, out.getvalue(), err.getvalue(), folder, job.cells, cluster.written, left)


@pytest.fixture
def complete(ended: Ended, tmp_path: Path) -> str:
    """The name of a run that is complete, in the folder of results of this test."""
    shutil.copytree(ended.folder / "results", tmp_path / "results")
    return ended.run.name


@of_one_bench
def test_it_ends_with_the_table_and_leaves_nothing_in_the_cluster(ended: Ended) -> None:
    assert (ended.code, ended.err, ended.left) == (0, "", set())
    assert {record.cell for record in ended.run.records()} == set(ended.cells) == {cell.id for cell in ended.run.plan}
    assert all(f"\ncell {cell}\n" in ended.out for cell in ended.cells)
    assert "2 of 2 cells are good" in " ".join(ended.out.split())
    assert "rows, records and reports: " in ended.out
    assert ended.run.verify() == []


@of_one_bench
def test_the_run_says_where_it_was_made_and_the_report_names_it(ended: Ended) -> None:
    header = ended.run.header
    assert header.environment["target"] == "cluster"
    assert header.environment["kubernetes"] == "v1.34.4"
    assert header.environment["istio"] == "1.30.1"
    assert header.environment["image"] == "goaround:dev"
    assert header.environment["bench_image"] == "goaround-bench:dev"
    assert header.environment["nodes"][0]["cores"] == 8
    assert header.versions["locust"]
    assert header.versions["istio (defaults)"] == "1.30"
    assert "Kubernetes v1.34.4 with Istio 1.30.1 (1 node), 8 cores" in " ".join(ended.out.split())


@of_one_bench
def test_no_credential_is_printed_or_kept(ended: Ended) -> None:
    [token] = {one["data"]["token"] for one in ended.written if one["kind"] == "Secret"}
    plain = base64.b64decode(token).decode()
    kept = b"".join(file.read_bytes() for file in (ended.folder / "results").rglob("*") if file.is_file())
    for each in (token, plain, TOKEN):
        assert each not in ended.out + ended.err
        assert each.encode() not in kept


@of_one_bench
def test_one_token_guards_all_worlds_and_the_job(ended: Ended) -> None:
    secrets = [one for one in ended.written if one["kind"] == "Secret"]
    assert len({one["metadata"]["namespace"] for one in secrets}) == 3
    assert len({one["data"]["token"] for one in secrets}) == 1


def test_images_of_ones_own_are_those_of_worlds_and_job(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path
) -> None:
    cluster.node("goaround:mine", "goaround-bench:mine")
    assert bench(*TWO_CELLS, "--image", "goaround:mine")[0] == 0
    made = [one for one in cluster.written if one["kind"] in ("Deployment", "Job")]
    images = {each["image"] for one in made for each in one["spec"]["template"]["spec"]["containers"]}
    assert images == {"goaround:mine", "goaround-bench:mine"}
    assert the_run(tmp_path).header.environment["bench_image"] == "goaround-bench:mine"


def interrupted_after_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C as soon as the first cell has been copied."""

    async def copy(run: Run, fetch: copying.Fetch) -> None:
        await copying.copy(run, fetch)
        if run.records():
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()

    monkeypatch.setattr(benches, "copy", copy)


def test_ctrl_c_removes_all_that_was_made_and_keeps_what_was_copied(
    bench: Told, job: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_before: set[str]
) -> None:
    job.hold = 2
    interrupted_after_a_cell(monkeypatch)
    code, out, _ = bench(*TWO_CELLS)
    run = the_run(tmp_path)
    assert code == 128 + signal.SIGINT
    assert len(run.records()) == 1
    assert run.verify() == []
    assert f"go on with:  goaround bench --resume {run.name} --target cluster --results {tmp_path / 'results'}" in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_is_told_to_end_twice_removes_all_the_same(
    bench: Told,
    job: Harness,
    cluster: JobCluster,
    monkeypatch: pytest.MonkeyPatch,
    as_before: set[str],
    number: signal.Signals,
) -> None:
    remove = Footprint.remove

    async def told_again(self: Footprint) -> list[str]:
        if cluster.listing() > as_before:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0)
        return await remove(self)

    async def copy(_run: Run, _fetch: copying.Fetch) -> None:
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    monkeypatch.setattr(Footprint, "remove", told_again)
    monkeypatch.setattr(benches, "copy", copy)
    code, _, _ = bench(*TWO_CELLS)
    assert code == 128 + signal.SIGINT


def test_ctrl_c_may_leave_the_job_at_work_and_resume_follows_it_again(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_before: set[str]
) -> None:
    job.hold = 2
    with monkeypatch.context() as once:
        interrupted_after_a_cell(once)
        code, out, _ = bench(*TWO_CELLS, "--on-interrupt", "keep")
    run = the_run(tmp_path)
    assert code == 128 + signal.SIGINT
    assert f"goaround down --target cluster --run {run.name}" in out
    assert cluster.listing() > as_before
    job.release()
    code, out, _ = bench("--resume", run.name, "--target", "cluster")
    assert code == 0
    assert "following it again" in out
    assert job._jobs == 1
    assert the_run(tmp_path).missing() == []
    assert the_run(tmp_path).header.notes == run.header.notes


def killed(tmp_path: Path) -> Run:
    """The command, killed with SIGKILL after its first cell was copied."""
    command = [str(GOAROUND), "bench", *TWO_CELLS, "--results", str(tmp_path / "results")]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603
        assert process.stdout is not None
        assert any(line.startswith("cell ") for line in process.stdout)
        process.kill()
    return the_run(tmp_path)


def test_what_a_killed_command_left_is_removed_by_down(
    told: Told, job: Harness, cluster: JobCluster, tmp_path: Path, as_before: set[str]
) -> None:
    job.hold = 2
    run = killed(tmp_path)
    assert cluster.listing() > as_before
    code, out, _ = told("down", "--target", "cluster", "--run", run.name)
    assert code == 0
    assert out.startswith(f"ended: {namespace(run.name)}, ")
    assert told("down", "--target", "cluster", "--run", run.name)[1] == f"the run {run.name} has left nothing there\n"


def test_down_all_ends_benches_too(told: Told, job: Harness, tmp_path: Path, as_before: set[str]) -> None:
    job.hold = 2
    killed(tmp_path)
    assert told("down", "--target", "cluster", "--all")[0] == 0


def test_after_a_kill_resume_follows_the_job_again(
    bench: Told, job: Harness, tmp_path: Path, as_before: set[str]
) -> None:
    job.hold = 2
    run = killed(tmp_path)
    job.release()
    assert bench("--resume", run.name, "--target", "cluster")[0] == 0
    assert (job._jobs, len(job.cells)) == (1, 2)
    assert the_run(tmp_path).missing() == []


def test_what_is_missing_is_measured_anew_when_the_job_is_gone(
    bench: Told, job: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_before: set[str]
) -> None:
    job.hold = 2
    with monkeypatch.context() as once:
        interrupted_after_a_cell(once)
        bench(*TWO_CELLS)
    run = the_run(tmp_path)
    [left] = [cell.id for cell in run.missing()]
    job.hold, job.cells = 0, []
    code, _, _ = bench("--resume", run.name, "--target", "cluster")
    assert (code, job.cells) == (0, [left])
    assert any(note.startswith("resumed at ") for note in the_run(tmp_path).header.notes)
    assert the_run(tmp_path).verify() == []


@of_one_bench
def test_a_run_that_is_complete_only_has_its_remains_removed(
    bench: Told, job: Harness, cluster: JobCluster, complete: str
) -> None:
    assert bench("--resume", complete, "--target", "cluster")[0] == 0
    assert "POST /api/v1/namespaces" not in cluster.asked
    assert job._jobs == 0


@pytest.mark.parametrize(
    ("fails", "says", "also"),
    [
        (
            TargetError(["pod collector-0: no node takes it", "pod collector-1: no node takes it"]),
            ["pod collector-0: no node takes it", "pod collector-1: no node takes it"],
            "go on with:  goaround bench --resume",
        ),
        (
            ZeroDivisionError("division by zero"),
            ["the harness has failed: ZeroDivisionError: division by zero"],
            "Traceback",
        ),
    ],
    ids=["of the cluster", "a defect of ours"],
)
def test_what_goes_wrong_there_is_told_here_and_all_is_removed(
    bench: Told, job: Harness, as_before: set[str], fails: Exception, says: list[str], also: str
) -> None:
    job.fails = fails
    code, out, err = bench(*TWO_CELLS)
    assert (code, err.splitlines()) == (2, [f"goaround: in the cluster: {line}" for line in says])
    assert also in out


def test_a_harness_that_is_killed_is_told_and_all_is_removed(
    bench: Told, job: Harness, cluster: JobCluster, monkeypatch: pytest.MonkeyPatch, as_before: set[str]
) -> None:
    job.hold = 2

    async def copy(run: Run, fetch: copying.Fetch) -> None:
        await copying.copy(run, fetch)
        if run.records():
            cluster.end(namespace(run.name), "OOMKilled", 137)

    monkeypatch.setattr(benches, "copy", copy)
    code, _, err = bench(*TWO_CELLS)
    assert code == 2
    assert "goaround: the bench's Job has ended: OOMKilled, exit code 137" in err


def test_worlds_take_turns_where_there_is_room_for_one(
    bench: Told, job: Harness, tmp_path: Path, as_before: set[str]
) -> None:
    scenarios = ("--scenario", "error-burst", "--scenario", "bad-replica", "--repetitions", "2")
    code, out, _ = bench("--target", "cluster", "--profile", "smoke", *ARMS, *scenarios, "--one-world-at-a-time")
    header = the_run(tmp_path).header
    assert code == 0
    assert len(job.awake) == 8
    assert job.awake == [(arm, [arm]) for arm, _ in job.awake]
    for repetition in (1, 2):
        arms = [cell.arm for cell in header.plan if cell.repetition == repetition]
        assert arms in (["none", "none", "library", "library"], ["library", "library", "none", "none"])
    assert header.one_world_at_a_time
    assert "one world at a time: in a repetition the arms took turns" in " ".join(out.split())


def lack(cluster: JobCluster, what: str) -> None:
    match what:
        case "istio":
            cluster.istio = None
        case "new istio":
            cluster.istio = "1.20.0"
        case "injection":
            cluster.injection = False
        case "permission":
            cluster.forbidden = {("PATCH", "/jobs")}
        case "image":
            cluster.node("goaround:dev")
        case "room":
            cluster.node("goaround:dev", "goaround-bench:dev", pods=20)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("istio", "there is no Istio in this cluster: install 1.24 or newer, or choose mode none or library"),
        ("new istio", "Istio 1.20.0 is too old: 1.24 or newer is needed"),
        ("injection", "sidecar injection is off: .*"),
        ("permission", "you may not create, patch jobs"),
        ("image", "image goaround-bench:dev is on no node: docs/cluster.md says how it gets there"),
        ("room", "31 pods wanted, 20 more fit on 1 node"),
    ],
)
def test_what_the_cluster_lacks_is_one_line_before_anything_is_made(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path, what: str, says: str, as_before: set[str]
) -> None:
    lack(cluster, what)
    code, out, err = bench("--target", "cluster", "--profile", "smoke", "--arm", "none", "--arm", "mesh")
    assert (code, out) == (2, "")
    assert re.fullmatch(f"goaround: {says}\n", err)
    assert not (tmp_path / "results").exists()


def test_a_cluster_that_does_not_answer_is_one_line(bench: Told, kubeconfig: Path, cluster: JobCluster) -> None:
    text = kubeconfig.read_text()
    [free] = free_ports(1)
    kubeconfig.write_text(text.replace(str(cluster.port), str(free)))
    code, out, err = bench(*TWO_CELLS)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"goaround: no cluster answers at http://127.0.0.1:{free} ")


def test_a_world_that_does_not_come_up_is_told_and_removed(
    bench: Told, job: Harness, cluster: JobCluster, as_before: set[str]
) -> None:
    cluster.quota = "exceeded quota: tiny"
    code, _, err = bench(*TWO_CELLS)
    assert code == 2
    assert "exceeded quota: tiny" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--target", "moon"), ["--target 'moon': must be local or cluster"]),
        (
            ("--context", "x", "--image", "y", "--one-world-at-a-time", "--on-interrupt", "keep"),
            [
                f"{option}: is for --target cluster; leave it out"
                for option in ("--context", "--image", "--on-interrupt", "--one-world-at-a-time")
            ],
        ),
        (("--target", "cluster", "--on-interrupt", "wait"), ["--on-interrupt 'wait': must be remove or keep"]),
        (
            ("--target", "cluster", "--istio-version", "1.24", "--arm", "mash"),
            [
                "--istio-version: a cluster has the Istio that it has; leave it out",
                "unknown mode 'mash'; choose from: none, library, library-endpoints, sidecar, mesh, both",
            ],
        ),
        (("--target", "cluster", "--image", "a@sha256:0"), ["image 'a@sha256:0': name it by a tag: .*"]),
    ],
)
def test_what_means_nothing_is_refused_all_at_once(
    bench: Told, job: Harness, arguments: tuple[str, ...], says: list[str]
) -> None:
    code, out, err = bench(*arguments)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert len(lines) == len(says)
    assert all(
        re.fullmatch(re.escape("goaround: ") + (line if "@" in line else re.escape(line)), said)
        for line, said in zip(says, lines, strict=True)
    )


@of_one_bench
def test_a_run_is_resumed_where_it_was_begun(bench: Told, complete: str) -> None:
    code, _, err = bench("--resume", complete)
    assert (code, err) == (2, f"goaround: {complete}: was begun with --target cluster; resume it with the same\n")


def test_down_is_told_one_thing_at_a_time(told: Told) -> None:
    assert told("down", "--run", "x") == (2, "", "goaround: --run 'x': is for --target cluster; leave it out\n")
    code, _, err = told("down", "--target", "cluster", "--run", "x", "--name", "y")
    assert (code, err) == (2, "goaround: --name and --run: give one of them\n")
    assert told("down", "--all") == (2, "", "goaround: --all: is for --target cluster; leave it out\n")


def test_down_on_a_cluster_ends_nobodys_worlds_unless_it_is_told_which(told: Told, cluster: JobCluster) -> None:
    before, asked = cluster.listing(), len(cluster.asked)
    code, out, err = told("down", "--target", "cluster")
    assert (code, out, cluster.listing(), len(cluster.asked)) == (2, "", before, asked)
    assert err.startswith("goaround: say what is to end: --name NAME for a world, --run RUN ")
    assert err.endswith("or --all for the worlds and the benches of everybody\n")


def failing_after_a_cell(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Fail here, and not there, as soon as the first cell has been copied."""

    async def copy(run: Run, fetch: copying.Fetch) -> None:
        await copying.copy(run, fetch)
        if run.records():
            raise error

    monkeypatch.setattr(benches, "copy", copy)


@pytest.mark.parametrize(
    "error", [TargetError("no cluster answers"), CannotWrite(["the disk is full"])], ids=["cluster", "disk"]
)
def test_what_fails_here_leaves_the_job_at_work_and_says_how_to_go_on(
    bench: Told,
    job: Harness,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    as_before: set[str],
) -> None:
    job.hold = 2
    with monkeypatch.context() as once:
        failing_after_a_cell(once, error)
        code, out, err = bench(*TWO_CELLS, "--context", "fake")
    run = the_run(tmp_path)
    assert (code, err) == (2, f"goaround: {error}\n")
    at = "--target cluster --context fake"
    assert f"follow it again with:  goaround bench --resume {run.name} {at} --results" in out
    assert f"or remove it with:  goaround down {at} --run {run.name}" in out
    job.release()
    assert bench("--resume", run.name, "--target", "cluster")[0] == 0
    assert job._jobs == 1


def test_a_job_that_cannot_be_asked_yet_is_left_at_work(
    bench: Told, job: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_before: set[str]
) -> None:
    async def unanswered(_self: object) -> None:
        raise TargetError("no cluster answers")

    with monkeypatch.context() as once:
        once.setattr(follower.Follower, "started", unanswered)
        code, out, err = bench(*TWO_CELLS)
    run = the_run(tmp_path)
    assert (code, err) == (2, "goaround: no cluster answers\n")
    assert f"follow it again with:  goaround bench --resume {run.name} --target cluster" in out
    assert bench("--resume", run.name, "--target", "cluster")[0] == 0
    assert job._jobs == 1


def test_who_follows_a_job_that_another_has_followed_to_its_end_is_done_too(
    bench: Told, job: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_before: set[str]
) -> None:
    news, others = follower.Follower.news, list[int]()

    async def overtaken(self: follower.Follower) -> follower.News:
        run = the_run(tmp_path)
        command = [str(GOAROUND), "bench", "--resume", run.name, "--target", "cluster", "--results"]
        command.append(str(run.folder.parent))
        other = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        others.append(other.returncode)
        return await news(self)

    monkeypatch.setattr(follower.Follower, "news", overtaken)
    code, out, err = bench(*TWO_CELLS)
    assert (others, code, err, job._jobs) == ([0], 0, "", 1)
    assert "2 of 2 cells are good" in " ".join(out.split())


def test_a_resume_that_fails_before_it_has_begun_touches_nothing(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.hold = 2
    run = killed(tmp_path)
    there = cluster.listing()

    async def unanswered(_self: object) -> bool:
        raise TargetError("too many requests")

    with monkeypatch.context() as once:
        once.setattr(follower.Follower, "alive", unanswered)
        code, _, err = bench("--resume", run.name, "--target", "cluster")
    assert (code, err) == (2, "goaround: too many requests\n")
    assert cluster.listing() == there


def test_a_second_process_leaves_the_worlds_of_the_first_alone(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, str, bool]] = []
    worlds = InCluster._worlds

    async def meanwhile(self: InCluster, run: Run, token: str, say: Say) -> Mapping[str, str]:
        made = await worlds(self, run, token, say)
        there = cluster.listing()
        command = [
            str(GOAROUND),
            "bench",
            "--resume",
            run.name,
            "--target",
            "cluster",
            "--results",
            str(run.folder.parent),
        ]
        second = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        seen.append((second.returncode, second.stderr, cluster.listing() == there))
        return made

    monkeypatch.setattr(InCluster, "_worlds", meanwhile)
    assert bench(*TWO_CELLS)[0] == 0
    [(code, err, untouched)] = seen
    run = the_run(tmp_path)
    assert (code, untouched) == (2, True)
    assert err.startswith(f"goaround: {run.name}: another process starts its worlds now, or was killed while it did")
    assert err.endswith(f"goaround down --target cluster --run {run.name}\n")


def test_what_cannot_be_removed_at_the_end_is_told_after_the_table(
    bench: Told, job: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(self: Footprint) -> list[str]:
        if job.cells:
            raise TargetError("namespace x is not gone after 300 s")
        return []

    async def unheard(_self: object) -> None:
        raise TargetError("error trying to reach service")

    monkeypatch.setattr(Footprint, "remove", stuck)
    monkeypatch.setattr(follower.Follower, "collected", unheard)
    code, out, err = bench(*TWO_CELLS)
    run = the_run(tmp_path)
    assert (code, err) == (2, "goaround: namespace x is not gone after 300 s\n")
    assert f"could not be removed: goaround down --target cluster --run {run.name}\n" in out
    assert "2 of 2 cells are good" in " ".join(out.split())


def test_a_harness_that_does_not_hear_that_all_was_fetched_is_no_failure(
    bench: Told, job: Harness, monkeypatch: pytest.MonkeyPatch, as_before: set[str]
) -> None:
    async def unheard(_self: object) -> None:
        raise TargetError("error trying to reach service")

    monkeypatch.setattr(follower.Follower, "collected", unheard)
    assert bench(*TWO_CELLS)[0] == 0


@of_one_bench
def test_a_run_is_not_resumed_in_another_cluster(bench: Told, job: Harness, cluster: JobCluster, complete: str) -> None:
    cluster.objects["/api/v1/namespaces/kube-system"]["metadata"]["uid"] = "of-another"
    code, out, err = bench("--resume", complete, "--target", "cluster")
    says = f"goaround: {complete}: was begun in another cluster than this one; name that one's with --context\n"
    assert (code, out, err) == (2, "", says)


def test_cells_in_which_pods_start_have_more_time(tmp_path: Path) -> None:
    plain, turned = (write_run(tmp_path, name=name, only=lambda cell: False) for name in ("plain", "turned"))
    turned.header = turned.header.model_copy(update={"one_world_at_a_time": True})
    crash = write_run(tmp_path, name="crash", scenarios=("crash",), only=lambda cell: False)
    spare = {run.name: benches.deadline_s(run) - 3 * estimate_s(run) for run in (plain, turned, crash)}
    assert spare["turned"] - spare["plain"] >= 200 * len(plain.plan)
    assert spare["crash"] - spare["plain"] >= 200 * len(crash.plan)


def test_worlds_rest_when_nobody_has_come_for_the_results(
    bench: Told, job: Harness, cluster: JobCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unheard(_self: object) -> None:
        while not any(one["status"]["phase"] == "Succeeded" for one in every(cluster, "/pods/bench-")):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        awake.extend(one for one in every(cluster, "/deployments/") if one["spec"]["replicas"])

    awake: list[Object] = []
    job.collect_s = 0.05
    monkeypatch.setattr(harness, "RESULTS_S", 0.05)
    monkeypatch.setattr(follower.Follower, "collected", unheard)
    assert bench(*TWO_CELLS)[0] == 0
    assert awake == []


def test_results_can_be_fetched_when_worlds_rest_already(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_before: set[str]
) -> None:
    alive = follower.Follower.alive

    async def late(self: follower.Follower) -> bool:
        while any(one["spec"]["replicas"] for one in every(cluster, "/deployments/")):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        return await alive(self)

    job.hold, job.collect_s = 2, 0.05
    with monkeypatch.context() as once:
        failing_after_a_cell(once, TargetError("no cluster answers"))
        bench(*TWO_CELLS)
    job.release()
    monkeypatch.setattr(follower.Follower, "alive", late)
    code, out, _ = bench("--resume", the_run(tmp_path).name, "--target", "cluster")
    assert (code, job._jobs) == (0, 1)
    assert "the worlds are put to rest, and the results are kept for 24 h more" in " ".join(out.split())


def every(cluster: JobCluster, kind: str) -> list[Object]:
    return [one for path, one in list(cluster.objects.items()) if kind in path]
