from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from istio.discovery import DiscoveryServer
from istio.security import Authority
from k8s.local.manifests import read
from k8s.local.pod import Pod
from k8s.local.ports import claim
from k8s.local.process import Process
from k8s.local.workloads import Workloads
from k8s.target import AS_INSTALLED, TargetError
from tests.k8s.tiny import deployment, injected, service
from tests.k8s.waiting import until


@asynccontextmanager
async def running(
    folder: Path, *objects: dict[str, Any], spawned: Callable[[Process], None] = lambda _: None
) -> AsyncIterator[Workloads]:
    block = claim([])
    server = DiscoveryServer(folder / "never-opened")
    workloads = Workloads(read(objects), block, folder, server, 7, spawned, AS_INSTALLED)
    workloads.start([])
    try:
        await until(lambda: workloads.settled)
        yield workloads
    finally:
        await workloads.stop()
        block.release()


def seen_by(pod: Pod) -> dict[str, list[list[object]]]:
    found: dict[str, list[list[object]]] = json.loads(pod.discovery_file.read_text())["services"]
    return found


def store(pod: Pod) -> Path:
    return pod.place.directory / "volumes" / "data"


async def test_every_pod_sees_the_ready_replicas_of_each_service(tmp_path: Path) -> None:
    async with running(
        tmp_path, deployment("front", 2), deployment("back"), service("front"), service("back")
    ) as world:
        front = [["127.0.0.1", world.pod(f"front-{i}").place.ports.app] for i in range(2)]
        for pod in world.pods:
            assert seen_by(pod)["front:8080"] == front
            assert len(seen_by(pod)["back:8080"]) == 1


async def test_an_unready_pod_leaves_the_endpoints_and_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path, deployment("front", 2), service("front")) as world:
        bad, good = world.pod("front-0"), world.pod("front-1")
        flag = store(bad) / "unready"
        flag.touch()
        await until(lambda: not bad.ready)
        assert seen_by(good)["front:8080"] == [["127.0.0.1", good.place.ports.app]]
        assert bad.view().reason == "app: not ready: /readyz: answered 503"
        flag.unlink()
        await until(lambda: len(seen_by(good)["front:8080"]) == 2)
        assert bad.app.restarts == 0


async def test_a_killed_pod_leaves_the_endpoints_until_it_is_back(tmp_path: Path) -> None:
    async with running(tmp_path, deployment("front", 2), service("front")) as world:
        world.pod("front-0").app.kill(hold_s=0.3)
        await until(lambda: len(seen_by(world.pod("front-1"))["front:8080"]) == 1)
        await until(lambda: world.settled)
        assert len(seen_by(world.pod("front-1"))["front:8080"]) == 2
        assert [pod.view().restarts for pod in world.pods] == [1, 0]


async def test_scaling_up_and_down_changes_pods_and_endpoints(tmp_path: Path) -> None:
    async with running(tmp_path, deployment("front"), service("front")) as world:
        await world.scale("front", 3)
        assert [pod.name for pod in world.pods] == ["front-0", "front-1", "front-2"]
        assert len(seen_by(world.pod("front-0"))["front:8080"]) == 3
        before = world.usage().app.cpu_s
        await world.scale("front", 1)
        assert [pod.name for pod in world.pods] == ["front-0"]
        assert len(seen_by(world.pod("front-0"))["front:8080"]) == 1
        assert world.usage().app.cpu_s >= before


async def test_new_replicas_are_told_what_the_others_were_and_for_as_long(tmp_path: Path) -> None:
    async with running(tmp_path, deployment("front"), service("front")) as world:
        await world.restart("front-0", {"SHADE": "blue"}, 8)
        await world.scale("front", 2)
        assert [pod.told for pod in world.pods] == [{"SHADE": "blue"}] * 2
        await until(lambda: all(pod.ready and pod.app.restarts and not pod.told for pod in world.pods), within_s=30)


async def test_stores_refuse_to_be_scaled(tmp_path: Path) -> None:
    async with running(tmp_path, deployment("alerts", goaround_scale="never")) as world:
        with pytest.raises(TargetError, match=r"alerts keeps state .*: it is not scaled"):
            await world.scale("alerts", 2)
        assert len(world.pods) == 1


@pytest.mark.parametrize(
    ("name", "replicas", "words"),
    [
        ("fornt", 1, "no deployment 'fornt'; choose from: front"),
        ("front", -1, "room for 0 to 39 of front"),
        ("front", 40, "room for 0 to 39 of front"),
    ],
)
async def test_scaling_what_is_not_there_or_has_no_room_is_refused(
    tmp_path: Path, name: str, replicas: int, words: str
) -> None:
    async with running(tmp_path, deployment("front")) as world:
        with pytest.raises(TargetError, match=words):
            await world.scale(name, replicas)


async def test_what_the_target_tells_a_pod_is_in_its_environment(tmp_path: Path) -> None:
    program = "import json, os; print(json.dumps(dict(os.environ)), flush=True)\nimport time; time.sleep(60)"
    one = deployment("front", program=program)
    one["spec"]["template"]["spec"]["containers"][0].pop("startupProbe")
    one["spec"]["template"]["spec"]["containers"][0].pop("readinessProbe")
    async with running(tmp_path, one) as world:
        pod = world.pod("front-0")
        await until(lambda: pod.app.log.read_text().endswith("}\n"))
        env = json.loads(pod.app.log.read_text())
    assert (env["HOST"], env["PORT"]) == ("127.0.0.1", str(pod.place.ports.app))
    assert (env["SEED"], env["FAULT_CONTROL"]) == ("7", "on")
    assert env["DISCOVERY_FILE"] == str(pod.discovery_file)
    assert env["STORE_DIR"] == str(store(pod))


async def test_certificates_are_replaced_at_half_of_their_life(tmp_path: Path) -> None:
    authority = Authority(lifetime=timedelta(seconds=1))
    block = claim([])
    with tempfile.TemporaryDirectory() as sockets:
        async with DiscoveryServer(Path(sockets) / "s") as server:
            objects = read([injected("front"), service("front")])
            workloads = Workloads(objects, block, tmp_path, server, 7, lambda _: None, AS_INSTALLED, authority)
            workloads.start([])
            try:
                async with asyncio.timeout(20):
                    while await certificates(workloads) < 3:  # noqa: ASYNC110 - Envoy's counters can only be asked
                        await asyncio.sleep(0.05)
            finally:
                await workloads.stop()
                block.release()


async def certificates(workloads: Workloads) -> int:
    """Count the certificates that the sidecar has taken."""
    found = await workloads.required_mesh().sidecars.stats()
    return found["front-0"].get("sds.default.update_success", 0)


async def test_istio_objects_without_sidecars_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path, deployment("front")) as world:
        with pytest.raises(TargetError, match="no sidecars"):
            world.required_mesh()


async def test_unknown_pods_and_containers_are_refused_with_the_choices(tmp_path: Path) -> None:
    async with running(tmp_path, deployment("front")) as world:
        with pytest.raises(TargetError, match="no pod 'back-0'; choose from: front-0"):
            world.pod("back-0")
        with pytest.raises(TargetError, match="no container 'proxy'; choose from: app"):
            world.pod("front-0").container("proxy")


async def test_other_probes_are_asked_after_the_pods_were_started_again_and_those_of_the_manifest_come_back(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, deployment("front", 2), service("front")) as world:
        absent = {"readinessProbe": {"httpGet": None, "exec": {"command": ["sh", "-c", "! test -e $STORE_DIR/gone"]}}}
        await world.probe("front", absent)
        assert [pod.app.restarts for pod in world.pods] == [1, 1]
        pod = world.pod("front-0")
        (store(pod) / "gone").touch()
        await until(lambda: pod.app.reason == "not ready: exec sh: exit code 1")
        assert world.pod("front-1").ready
        await world.probe("front", {})
        assert [pod.ready for pod in world.pods] == [True, True]


async def test_of_two_restarts_at_a_time_the_second_waits_and_one_process_is_left(tmp_path: Path) -> None:
    spawned: list[Process] = []
    async with running(tmp_path, deployment("front"), service("front"), spawned=spawned.append) as world:
        await asyncio.gather(*(world.restart("front-0", {"SHADE": shade}, 60) for shade in ("green", "blue")))
        pod = world.pod("front-0")
        assert (pod.ready, pod.app.restarts, pod.told) == (True, 2, {"SHADE": "blue"})
        assert [process.running for process in spawned] == [False, False, True]


async def test_a_pod_that_is_being_ended_is_not_started_again(tmp_path: Path) -> None:
    async with running(tmp_path, deployment("front"), service("front")) as world:
        pod = world.pod("front-0")
        await asyncio.gather(pod.stop(), pod.restart({}))
        assert not pod.app.running
