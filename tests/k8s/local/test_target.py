from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from k8s.local.client import LocalWorld
from k8s.local.ports import BASES
from k8s.local.record import ProcessId, WorldRecord, processes, read
from k8s.local.target import LocalTarget
from k8s.render import render
from k8s.target import TargetError
from tests.k8s.local.test_ports import listening
from tests.k8s.tiny import BROKEN, deployment, rendered, service
from tests.k8s.waiting import EndlessStart, until

SMALL = rendered(deployment("front", 2), service("front"))
HOLDER = """
import asyncio, json, sys
from pathlib import Path
from k8s.local.target import LocalTarget
from k8s.target import Rendered
async def main():
    world = await LocalTarget(Path(sys.argv[1])).up(
        "small", Rendered("none", None, json.loads(sys.stdin.read())), attached=True, seed=1)
    print("up", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def of(state: Path) -> list[ProcessId]:
    """Every process that the world ever had: the supervisor and its children."""
    directory = state / "worlds" / "small"
    record = read(directory)
    assert record is not None
    return [record.supervisor, *processes(directory)]


def recorded(state: Path, name: str, *, attached: bool) -> Path:
    """Write the record of a mesh world whose supervisor is this process; gives its folder."""
    directory = state / "worlds" / name
    directory.mkdir(parents=True)
    WorldRecord(name, "mesh", ProcessId.of(os.getpid()), "", 0, attached).write(directory)
    return directory


async def test_a_world_goes_up_answers_and_goes_down(tmp_path: Path) -> None:
    target = LocalTarget(tmp_path)
    world = await target.up("small", SMALL, attached=False, seed=1)
    try:
        status = await world.status()
        assert status.ready
        assert [(pod.name, pod.service, pod.phase, pod.restarts) for pod in status.pods] == [
            ("front-0", "front", "Running", 0),
            ("front-1", "front", "Running", 0),
        ]
        assert status.pods[0].entry == status.pods[0].app
        assert await target.worlds() == await target.staying() == ["small"]
        again = await target.world("small")
        assert (await again.usage()).app.cpu_s > 0
        assert await again.proxy_stats() == {}
        await again.reset_mesh()
        assert "serving" in world.logs("front-0").read_text()
        everything = of(tmp_path)
        await again.kill("front-1")
        await until(lambda: len(of(tmp_path)) > len(everything))
        everything = of(tmp_path)
        with pytest.raises(TargetError, match="a world 'small' runs already"):
            await target.up("small", SMALL, attached=False, seed=1)
    finally:
        await world.down()
    assert await target.worlds() == []
    assert [one.pid for one in everything if one.find()] == []


async def test_only_the_user_can_reach_the_supervisor(tmp_path: Path) -> None:
    world = await LocalTarget(tmp_path).up("small", SMALL, attached=True, seed=1)
    record = read(tmp_path / "worlds" / "small")
    assert record is not None
    assert record.attached
    folder = Path(record.socket).parent
    mode = stat.S_IMODE(folder.stat().st_mode)
    await world.down()
    assert mode == 0o700
    assert not folder.exists()


async def test_a_supervisor_that_is_killed_takes_its_pods_with_it(tmp_path: Path) -> None:
    world = await LocalTarget(tmp_path).up("small", SMALL, attached=False, seed=1)
    everything = of(tmp_path)
    os.kill(everything[0].pid, signal.SIGKILL)
    if sys.platform != "linux":
        await until(lambda: not everything[0].find())
        await LocalTarget(tmp_path).up("other", rendered(), attached=True, seed=1)  # its sweep does it
    await until(lambda: not any(one.find() for one in everything), within_s=5)
    await world.down()


async def test_a_world_dies_with_the_process_that_holds_its_pipe(tmp_path: Path) -> None:
    holder = subprocess.Popen(  # noqa: ASYNC220, S603 - our own program; it is killed, so it must be a plain process
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write(json.dumps(SMALL.objects).encode())
    holder.stdin.close()
    assert await asyncio.to_thread(holder.stdout.readline) == b"up\n"
    everything = of(tmp_path)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    await until(lambda: not any(one.find() for one in everything), within_s=5)


async def test_a_pod_that_cannot_start_says_why_and_nothing_stays(tmp_path: Path) -> None:
    target = LocalTarget(tmp_path)
    with pytest.raises(TargetError) as refused:
        await target.up(
            "small", rendered(deployment("front"), deployment("back", program=BROKEN)), attached=True, seed=1
        )
    [error] = refused.value.errors
    assert "pod back-0 is not ready: app: exit code 3\n  no such table: frames" in error
    assert "back-0/app.log" in error
    assert await target.worlds() == []
    left = [one.find() for one in processes(tmp_path / "worlds" / "small")]
    assert left
    assert not any(left)


async def test_a_port_in_use_is_named_with_its_pod(tmp_path: Path) -> None:
    base = BASES[-6]
    with listening(base + 5), pytest.raises(TargetError, match=f"port {base + 5} is in use, and pod front-1 needs it"):
        await LocalTarget(tmp_path, base).up("small", SMALL, attached=True, seed=1)


async def test_too_little_memory_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=50 * 2**20))
    with pytest.raises(TargetError, match=r"memory: \d+ MiB needed, 50 MiB available"):
        await LocalTarget(tmp_path).up("small", SMALL, attached=True, seed=1)
    assert not (tmp_path / "worlds" / "small").exists()


@pytest.mark.parametrize("name", ["", "../up", "Big", "a b", "-a"])
async def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TargetError, match="use a to z"):
        await LocalTarget(tmp_path).up(name, SMALL, attached=True, seed=1)


async def test_a_world_that_does_not_run_is_refused_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no world 'small' runs; there are: none"):
        await LocalTarget(tmp_path).world("small")


async def test_a_world_that_hangs_on_a_process_runs_and_does_not_stay(tmp_path: Path) -> None:
    recorded(tmp_path, "airport", attached=False)
    recorded(tmp_path, "bench-7-1-mesh", attached=True)
    assert await LocalTarget(tmp_path).worlds() == ["airport", "bench-7-1-mesh"]
    assert await LocalTarget(tmp_path).staying() == ["airport"]


async def test_a_start_that_is_interrupted_again_while_it_is_undone_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = EndlessStart()

    async def started(*_: object) -> EndlessStart:
        return world

    monkeypatch.setattr(LocalTarget, "_started", started)
    await world.interrupted_twice(
        asyncio.ensure_future(LocalTarget(tmp_path).up("small", SMALL, attached=False, seed=1))
    )
    assert world.gone


async def test_a_start_that_is_interrupted_before_its_supervisor_is_known_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, begun, go = EndlessStart(), asyncio.Event(), asyncio.Event()

    async def started(*_: object) -> EndlessStart:
        begun.set()
        await go.wait()
        return world

    monkeypatch.setattr(LocalTarget, "_started", started)
    up = asyncio.ensure_future(LocalTarget(tmp_path).up("small", SMALL, attached=False, seed=1))
    await begun.wait()
    up.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await up
    assert world.gone


async def test_what_the_supervisor_refuses_is_raised_as_it_says(tmp_path: Path) -> None:
    world = await LocalTarget(tmp_path).up("small", SMALL, attached=True, seed=1)
    try:
        with pytest.raises(TargetError, match="no pod 'x'; choose from: front-0, front-1"):
            await world.kill("x")
        with pytest.raises(TargetError, match="no sidecars"):
            await world.apply([{"kind": "VirtualService"}])
    finally:
        await world.down()


async def test_a_state_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TargetError, match="file/worlds: Not a directory"):
        await LocalTarget(tmp_path / "file").up("small", SMALL, attached=True, seed=1)


def test_the_need_of_a_meshed_world_is_larger_by_its_sidecars(tmp_path: Path) -> None:
    target = LocalTarget(tmp_path)
    plain, meshed = (target.need(render(mode, "matched")) for mode in ("none", "mesh"))
    assert plain.pods == meshed.pods == 15
    assert meshed.memory - plain.memory > 15 * 60 * 2**20


def test_unknown_logs_are_refused_with_the_choices(tmp_path: Path) -> None:
    world = LocalWorld(tmp_path, WorldRecord("w", "none", ProcessId(1, 0), "", 0))
    with pytest.raises(TargetError, match="no container 'envoy'; choose from: app, proxy"):
        world.logs("front-0", "envoy")
