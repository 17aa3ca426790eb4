"""A bench in a cluster as its user sees it.

The cluster is a small one of ours, its Job runs the real harness, and cells are written instead of measured.
"""

from __future__ import annotations

import asyncio
import base64
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import results
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
from tests.k8s.cluster.fake import Object
from tests.k8s.cluster.jobs import JobCluster, Ready, worlds_of
from tests.ports import free_ports

GOAROUND = Path(sys.executable).with_name("goaround")
ARMS = ("--arm", "none", "--arm", "library")
TWO_CELLS = ("--target", "cluster", "--profile", "smoke", "--scenario", "error-burst", *ARMS)


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


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[JobCluster]:
    for module in (follower, rest):
        monkeypatch.setattr(module, "POLL_S", 0.01)
    with JobCluster() as cluster:
        cluster.node("goaround:dev", "goaround-bench:dev")
        yield cluster


@pytest.fixture
def kubeconfig(cluster: JobCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = cluster.kubeconfig(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(file))
    return file


@pytest.fixture
def job(cluster: JobCluster, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    async def calm(_worlds: object) -> None:
        pass

    found = Harness(cluster, lambda: Api(kubeconfig=kubeconfig), tmp_path)
    cluster.program = found
    monkeypatch.setattr(harness, "measure", found.measure)
    monkeypatch.setattr(harness, "until_idle", calm)
    monkeypatch.setattr(turns, "until_idle", calm)
    return found


@pytest.fixture
def bench(told: Told, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    return lambda *arguments: told("bench", *arguments, "--results", tmp_path / "results")


def the_run(tmp_path: Path) -> Run:
    [name] = results.runs(tmp_path / "results")
    return results.open_run(name, tmp_path / "results")


def test_it_ends_with_the_table_and_leaves_nothing_in_the_cluster(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path
) -> None:
    before = cluster.listing()
    code, out, err = bench(*TWO_CELLS)
    assert (code, err) == (0, "")
    run = the_run(tmp_path)
    assert {record.cell for record in run.records()} == set(job.cells) == {cell.id for cell in run.plan}
    assert all(f"\ncell {cell}\n" in out for cell in job.cells)
    assert "2 of 2 cells are good" in " ".join(out.split())
    assert "rows, records and reports: " in out
    assert run.verify() == []
    assert cluster.listing() == before


def test_the_run_says_where_it_was_made_and_the_report_names_it(bench: Told, job: Harness, tmp_path: Path) -> None:
    _, out, _ = bench(*TWO_CELLS)
    header = the_run(tmp_path).header
    assert header.environment["target"] == "cluster"
    assert header.environment["kubernetes"] == "v1.34.4"
    assert header.environment["istio"] == "1.30.1"
    assert header.environment["image"] == "goaround:dev"
    assert header.environment["bench_image"] == "goaround-bench:dev"
    assert header.environment["nodes"][0]["cores"] == 8
    assert header.versions["locust"]
    assert header.versions["istio (defaults)"] == "1.30"
    assert "Kubernetes v1.34.4 with Istio 1.30.1 (1 node), 8 cores" in " ".join(out.split())


def test_no_credential_is_printed_or_kept(bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path) -> None:
    tokens = set[str]()
    put = cluster._put

    def watched(folder: str, body: Object) -> Object:
        if body["kind"] == "Secret":
            tokens.add(body["data"]["token"])
        return put(folder, body)

    cluster._put = watched  # type: ignore[method-assign]
    code, out, err = bench(*TWO_CELLS)
    [token] = tokens
    plain = base64.b64decode(token).decode()
    kept = b"".join(file.read_bytes() for file in (tmp_path / "results").rglob("*") if file.is_file())
    assert code == 0
    for each in (token, plain, "let-me-in"):
        assert each not in out + err
        assert each.encode() not in kept


def test_one_token_guards_all_worlds_and_the_job(bench: Told, job: Harness, cluster: JobCluster) -> None:
    seen: list[Object] = []
    end = cluster._delete

    def watched(path: str, body: Object, query: object, kind: str) -> object:
        seen.extend(one for name, one in cluster.objects.items() if "/secrets/" in name)
        return end(path, body, query, kind)

    cluster._delete = watched  # type: ignore[method-assign, assignment]
    bench(*TWO_CELLS)
    assert len({one["metadata"]["namespace"] for one in seen}) == 3
    assert len({one["data"]["token"] for one in seen}) == 1


def test_images_of_ones_own_are_those_of_worlds_and_job(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path
) -> None:
    cluster.node("goaround:mine", "goaround-bench:mine")
    images = set[str]()
    put = cluster._put

    def watched(folder: str, body: Object) -> Object:
        if body["kind"] in ("Deployment", "Job"):
            images.update(one["image"] for one in body["spec"]["template"]["spec"]["containers"])
        return put(folder, body)

    cluster._put = watched  # type: ignore[method-assign]
    assert bench(*TWO_CELLS, "--image", "goaround:mine")[0] == 0
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
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cluster.listing()
    job.hold = 2
    interrupted_after_a_cell(monkeypatch)
    code, out, _ = bench(*TWO_CELLS)
    run = the_run(tmp_path)
    assert code == 128 + signal.SIGINT
    assert len(run.records()) == 1
    assert run.verify() == []
    assert f"go on with:  goaround bench --resume {run.name} --target cluster --results {tmp_path / 'results'}" in out
    assert cluster.listing() == before


def test_whoever_is_told_to_end_twice_removes_all_the_same(
    bench: Told, job: Harness, cluster: JobCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cluster.listing()
    remove = Footprint.remove

    async def told_again(self: Footprint) -> list[str]:
        if cluster.listing() > before:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
        return await remove(self)

    async def copy(_run: Run, _fetch: copying.Fetch) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    monkeypatch.setattr(Footprint, "remove", told_again)
    monkeypatch.setattr(benches, "copy", copy)
    code, _, _ = bench(*TWO_CELLS)
    assert code == 128 + signal.SIGINT
    assert cluster.listing() == before


def test_ctrl_c_may_leave_the_job_at_work_and_resume_follows_it_again(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cluster.listing()
    job.hold = 2
    with monkeypatch.context() as once:
        interrupted_after_a_cell(once)
        code, out, _ = bench(*TWO_CELLS, "--on-interrupt", "keep")
    run = the_run(tmp_path)
    assert code == 128 + signal.SIGINT
    assert f"goaround down --target cluster --run {run.name}" in out
    assert cluster.listing() > before
    job.release()
    code, out, _ = bench("--resume", run.name, "--target", "cluster")
    assert code == 0
    assert "following it again" in out
    assert job._jobs == 1
    assert the_run(tmp_path).missing() == []
    assert the_run(tmp_path).header.notes == run.header.notes
    assert cluster.listing() == before


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
    told: Told, job: Harness, cluster: JobCluster, tmp_path: Path
) -> None:
    before = cluster.listing()
    job.hold = 2
    run = killed(tmp_path)
    assert cluster.listing() > before
    code, out, _ = told("down", "--target", "cluster", "--run", run.name)
    assert code == 0
    assert out.startswith(f"ended: {namespace(run.name)}, ")
    assert cluster.listing() == before
    assert told("down", "--target", "cluster", "--run", run.name)[1] == f"the run {run.name} has left nothing there\n"


def test_down_all_ends_benches_too(told: Told, job: Harness, cluster: JobCluster, tmp_path: Path) -> None:
    before = cluster.listing()
    job.hold = 2
    killed(tmp_path)
    assert told("down", "--target", "cluster", "--all")[0] == 0
    assert cluster.listing() == before


def test_after_a_kill_resume_follows_the_job_again(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path
) -> None:
    before = cluster.listing()
    job.hold = 2
    run = killed(tmp_path)
    job.release()
    assert bench("--resume", run.name, "--target", "cluster")[0] == 0
    assert (job._jobs, len(job.cells)) == (1, 2)
    assert the_run(tmp_path).missing() == []
    assert cluster.listing() == before


def test_what_is_missing_is_measured_anew_when_the_job_is_gone(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cluster.listing()
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
    assert cluster.listing() == before


def test_a_run_that_is_complete_only_has_its_remains_removed(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path
) -> None:
    bench(*TWO_CELLS)
    asked = len(cluster.asked)
    assert bench("--resume", the_run(tmp_path).name, "--target", "cluster")[0] == 0
    assert not any(each.startswith("POST /api/v1/namespaces ") for each in cluster.asked[asked:])
    assert job._jobs == 1


def test_what_goes_wrong_there_is_told_here_and_all_is_removed(bench: Told, job: Harness, cluster: JobCluster) -> None:
    before = cluster.listing()
    job.fails = TargetError(["pod collector-0: no node takes it", "pod collector-1: no node takes it"])
    code, out, err = bench(*TWO_CELLS)
    assert code == 2
    assert err.splitlines() == [
        "goaround: in the cluster: pod collector-0: no node takes it",
        "goaround: in the cluster: pod collector-1: no node takes it",
    ]
    assert "go on with:  goaround bench --resume" in out
    assert cluster.listing() == before


def test_a_defect_of_ours_is_told_with_its_traceback(bench: Told, job: Harness, cluster: JobCluster) -> None:
    before = cluster.listing()
    job.fails = ZeroDivisionError("division by zero")
    code, out, err = bench(*TWO_CELLS)
    assert (code, err) == (2, "goaround: in the cluster: the harness has failed: ZeroDivisionError: division by zero\n")
    assert "Traceback" in out
    assert cluster.listing() == before


def test_a_harness_that_is_killed_is_told_and_all_is_removed(
    bench: Told, job: Harness, cluster: JobCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cluster.listing()
    job.hold = 2

    async def copy(run: Run, fetch: copying.Fetch) -> None:
        await copying.copy(run, fetch)
        if run.records():
            cluster.end(namespace(run.name), "OOMKilled", 137)

    monkeypatch.setattr(benches, "copy", copy)
    code, _, err = bench(*TWO_CELLS)
    assert code == 2
    assert "goaround: the bench's Job has ended: OOMKilled, exit code 137" in err
    assert cluster.listing() == before


def test_worlds_take_turns_where_there_is_room_for_one(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path
) -> None:
    before = cluster.listing()
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
    assert cluster.listing() == before


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
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path, what: str, says: str
) -> None:
    lack(cluster, what)
    before = cluster.listing()
    code, out, err = bench("--target", "cluster", "--profile", "smoke", "--arm", "none", "--arm", "mesh")
    assert (code, out) == (2, "")
    assert re.fullmatch(f"goaround: {says}\n", err)
    assert cluster.listing() == before
    assert not (tmp_path / "results").exists()


def test_a_cluster_that_does_not_answer_is_one_line(bench: Told, kubeconfig: Path, cluster: JobCluster) -> None:
    text = kubeconfig.read_text()
    [free] = free_ports(1)
    kubeconfig.write_text(text.replace(str(cluster.port), str(free)))
    code, out, err = bench(*TWO_CELLS)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"goaround: no cluster answers at http://127.0.0.1:{free} ")


def test_a_world_that_does_not_come_up_is_told_and_removed(bench: Told, job: Harness, cluster: JobCluster) -> None:
    before = cluster.listing()
    cluster.quota = "exceeded quota: tiny"
    code, _, err = bench(*TWO_CELLS)
    assert code == 2
    assert "exceeded quota: tiny" in err
    assert cluster.listing() == before


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


def test_a_run_is_resumed_where_it_was_begun(bench: Told, job: Harness, tmp_path: Path) -> None:
    bench(*TWO_CELLS)
    name = the_run(tmp_path).name
    code, _, err = bench("--resume", name)
    assert (code, err) == (2, f"goaround: {name}: was begun with --target cluster; resume it with the same\n")


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
    cluster: JobCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    before = cluster.listing()
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
    assert cluster.listing() == before


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
    bench: Told, job: Harness, cluster: JobCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unheard(_self: object) -> None:
        raise TargetError("error trying to reach service")

    before = cluster.listing()
    monkeypatch.setattr(follower.Follower, "collected", unheard)
    assert bench(*TWO_CELLS)[0] == 0
    assert cluster.listing() == before


def test_a_run_is_not_resumed_in_another_cluster(
    bench: Told, job: Harness, cluster: JobCluster, tmp_path: Path
) -> None:
    bench(*TWO_CELLS)
    name = the_run(tmp_path).name
    cluster.objects["/api/v1/namespaces/kube-system"]["metadata"]["uid"] = "of-another"
    code, out, err = bench("--resume", name, "--target", "cluster")
    says = f"goaround: {name}: was begun in another cluster than this one; name that one's with --context\n"
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
    monkeypatch.setattr(follower.Follower, "collected", unheard)
    assert bench(*TWO_CELLS)[0] == 0
    assert awake == []


def every(cluster: JobCluster, kind: str) -> list[Object]:
    return [one for path, one in list(cluster.objects.items()) if kind in path]
