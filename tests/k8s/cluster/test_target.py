"""Worlds in a cluster: what is made, what is said when it does not come up, and that nothing is left."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

import pytest

from k8s.cluster import api as apis
from k8s.cluster import operated
from k8s.cluster.api import Api
from k8s.cluster.readiness import deployment_of
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld
from k8s.render import render
from k8s.target import Document, MeshOptions, Rendered, TargetError
from tests.k8s.cluster.fake import FakeCluster
from tests.k8s.waiting import EndlessStart


@cache
def rendered(mode: str, *, mtls: bool = True) -> Rendered:
    return render(mode, mesh=MeshOptions(gateway=True, mtls=mtls))


async def up(api: Api, mode: str = "library", name: str = "airport", **more: Any) -> ClusterWorld:
    return await ClusterTarget(api, **more).up(name, rendered(mode), attached=False, seed=7)


async def refusal(api: Api, mode: str = "library", name: str = "airport") -> list[str]:
    with pytest.raises(TargetError) as refused:
        await up(api, mode, name)
    return refused.value.errors


async def test_a_world_is_a_namespace_with_every_pod_ready(api: Api) -> None:
    status = await (await up(api)).status()
    assert (status.name, status.mode, status.ready, len(status.pods)) == ("airport", "library", True, 15)
    assert {pod.deployment for pod in status.pods if pod.service == "cpanel"} == {"cpanel-v1", "cpanel-v2"}


async def test_only_pods_of_the_mesh_have_a_proxy(api: Api) -> None:
    mesh, library = await up(api, "mesh", "with"), await up(api, "library", "without")
    assert all(pod.proxy_usage and pod.proxy_admin for pod in (await mesh.status()).pods)
    assert not any(pod.proxy_usage or pod.proxy_admin for pod in (await library.status()).pods)


async def test_every_object_says_whose_it_is(api: Api, cluster: FakeCluster) -> None:
    before = cluster.listing()
    await up(api, "mesh", "one")
    made = [cluster.objects[path] for path in cluster.listing() - before if "/pods/" not in path]
    assert len(made) > 40
    assert all(one["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "goaround" for one in made)
    assert {one["metadata"].get("namespace", "one") for one in made} == {"one"}


async def test_seed_and_image_reach_every_pod(api: Api, cluster: FakeCluster) -> None:
    await up(api, image="registry.example/goaround:3")
    for one in cluster.of_kind("deployments", "airport"):
        app, warden = one["spec"]["template"]["spec"]["containers"]
        assert app["image"] == warden["image"] == "registry.example/goaround:3"
        assert {"name": "SEED", "value": "7"} in app["env"]


async def test_without_mutual_tls_the_namespace_says_so(api: Api, cluster: FakeCluster) -> None:
    await ClusterTarget(api).up("airport", rendered("mesh", mtls=False), attached=False, seed=1)
    [said] = cluster.of_kind("peerauthentications", "airport")
    assert said["spec"] == {"mtls": {"mode": "DISABLE"}}


@pytest.mark.parametrize("mode", ["library", "mesh"])
async def test_down_leaves_the_cluster_as_it_was(api: Api, cluster: FakeCluster, mode: str) -> None:
    before = cluster.listing()
    world = await up(api, mode)
    assert cluster.listing() > before
    await world.down()
    assert cluster.listing() == before


async def test_ending_a_world_that_is_gone_or_is_another_by_now_touches_nothing(api: Api, cluster: FakeCluster) -> None:
    world = await up(api)
    await world.down()
    await world.down()
    again = await up(api)
    await world.down()
    assert (await again.status()).ready


async def test_worlds_are_found_again_by_name_and_by_nothing_else(api: Api) -> None:
    await up(api, name="one")
    target = ClusterTarget(api)
    assert await target.worlds() == ["one"]
    assert (await target.world("one")).mode == "library"
    for stranger in ("two", "default"):
        with pytest.raises(TargetError, match=f"no world '{stranger}' runs in this cluster; there are: one"):
            await target.world(stranger)


async def test_a_namespace_that_is_not_ours_is_never_taken(api: Api, cluster: FakeCluster) -> None:
    before = cluster.listing()
    [line] = await refusal(api, name="default")
    assert line == "namespace default is there already, and is not goaround's: choose another name with --name"
    assert cluster.listing() == before


async def test_a_name_that_is_taken_by_a_world_is_refused(api: Api) -> None:
    await up(api)
    assert await refusal(api) == ["a world 'airport' runs already: end it first, or choose another name"]


@pytest.mark.parametrize("name", ["Airport", "a.b", "-a", "a" * 64, ""])
async def test_a_name_that_no_namespace_can_have_is_refused(api: Api, name: str) -> None:
    [line] = await refusal(api, name=name)
    assert "on a cluster it is a namespace's" in line


async def test_no_istio_is_told_before_anything_is_made(api: Api, cluster: FakeCluster) -> None:
    cluster.istio, before = None, cluster.listing()
    [line] = await refusal(api, "mesh")
    assert line == "there is no Istio in this cluster: install 1.24 or newer, or choose mode none or library"
    assert cluster.listing() == before


async def test_without_istio_the_library_runs(api: Api, cluster: FakeCluster) -> None:
    cluster.istio = None
    world = await up(api)
    assert await world.get() == []


async def test_an_old_istio_is_told_before_anything_is_made(api: Api, cluster: FakeCluster) -> None:
    cluster.istio, before = "1.23.4", cluster.listing()
    assert await refusal(api, "mesh") == ["Istio 1.23.4 is too old: 1.24 or newer is needed"]
    assert cluster.listing() == before


async def test_injection_that_is_off_is_told_and_nothing_stays(api: Api, cluster: FakeCluster) -> None:
    cluster.injection, before = False, cluster.listing()
    [line] = await refusal(api, "mesh")
    assert line.startswith("sidecar injection is off: a pod labelled sidecar.istio.io/inject=true gets no istio-proxy")
    assert cluster.listing() == before
    assert not any("deployments" in one for one in cluster.asked)


async def test_a_try_of_injection_that_is_not_permitted_keeps_nothing(api: Api, cluster: FakeCluster) -> None:
    cluster.forbidden = {("POST", "/namespaces/airport/pods")}
    assert (await (await up(api, "mesh")).status()).ready


async def test_injection_that_could_not_be_tried_and_is_off_is_told_by_the_pods(api: Api, cluster: FakeCluster) -> None:
    cluster.forbidden, cluster.injection = {("POST", "/namespaces/airport/pods")}, False
    [line] = await refusal(api, "mesh")
    assert line.endswith("it got no sidecar: Istio's injection does not act on it")


async def test_what_is_not_permitted_is_told_in_the_servers_words_and_nothing_stays(
    api: Api, cluster: FakeCluster
) -> None:
    cluster.forbidden, before = {("PATCH", "/deployments/collector")}, cluster.listing()
    [line] = await refusal(api)
    assert 'collector is forbidden: User "u" cannot PATCH' in line
    assert cluster.listing() == before


async def test_an_image_that_is_not_there_is_told_once_for_all_pods_and_nothing_stays(
    api: Api, cluster: FakeCluster
) -> None:
    def missing(pod: dict[str, Any]) -> None:
        pod["status"]["conditions"] = []
        pod["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ImagePullBackOff", "message": "..."}}

    cluster.trouble, before = missing, cluster.listing()
    [line] = await refusal(api)
    assert line.count("pod ") == 15
    assert line.endswith(
        "its image goaround:dev cannot be had (ImagePullBackOff): load it into the cluster, or push it to a registry"
    )
    assert cluster.listing() == before


async def test_the_last_words_of_a_container_that_ends_again_and_again_are_told_once(
    api: Api, cluster: FakeCluster
) -> None:
    def crashes(pod: dict[str, Any]) -> None:
        pod["status"]["conditions"] = []
        pod["status"]["containerStatuses"][0] |= {
            "restartCount": 2,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"reason": "Error", "exitCode": 2}},
        }

    cluster.trouble = crashes
    cluster.log = "starting\nDISCOVERY_FILE: must be set\n\n"
    cause, words = await refusal(api)
    assert cause.endswith(": container app ends again and again: Error, exit code 2")
    assert words.endswith(" said: DISCOVERY_FILE: must be set")


async def test_a_quota_is_told_by_the_deployment_that_it_holds_up(api: Api, cluster: FakeCluster) -> None:
    cluster.quota = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1'
    [line] = await refusal(api)
    assert line.startswith("deployment ")
    assert "exceeded quota: small, requested: pods=1" in line


async def test_what_is_late_is_told_with_why_and_nothing_stays(
    api: Api, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(pod: dict[str, Any]) -> None:
        pod["status"]["conditions"] = [
            {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}
        ]

    cluster.trouble, before = full, cluster.listing()
    monkeypatch.setattr(ClusterWorld.wait_ready, "__defaults__", (0.0,))
    first, line = await refusal(api)
    assert first == "not ready after 0 s:"
    assert line.endswith("no node takes it: 0/1 nodes are available: 1 Insufficient cpu.")
    assert cluster.listing() == before


async def test_an_interrupted_start_leaves_nothing(api: Api, cluster: FakeCluster) -> None:
    before, told = cluster.listing(), asyncio.Event()

    def starting(pod: dict[str, Any]) -> None:
        pod["status"]["conditions"] = []

    cluster.trouble = starting
    waiting = asyncio.ensure_future(
        ClusterTarget(api, say=lambda _line: told.set()).up("airport", rendered("none"), attached=False, seed=1)
    )
    await told.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert cluster.listing() == before


async def test_a_start_that_is_interrupted_twice_while_its_namespace_is_made_leaves_nothing(
    api: Api, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, post = cluster.listing(), api.post
    loop, on_its_way, go, there = asyncio.get_running_loop(), asyncio.Event(), threading.Event(), threading.Event()

    def slow(path: str, body: Mapping[str, Any], **query: str) -> Document:
        loop.call_soon_threadsafe(on_its_way.set)
        go.wait()
        made = post(path, body, **query)
        there.set()
        return made

    monkeypatch.setattr(api, "post", slow)
    starting = asyncio.ensure_future(up(api))
    await on_its_way.wait()
    for _ in range(2):
        starting.cancel()
        await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await asyncio.to_thread(there.wait)
    assert cluster.listing() == before


@pytest.mark.parametrize("interrupted", [False, True])
async def test_why_a_start_ended_is_told_also_when_what_was_made_cannot_be_removed(
    api: Api, cluster: FakeCluster, interrupted: bool
) -> None:
    cluster.forbidden = {("PATCH", "/deployments/collector"), ("DELETE", "/namespaces/airport")}
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if interrupted and len(said) == 1:
            loop.call_soon_threadsafe(starting.cancel)

    loop = asyncio.get_running_loop()
    starting = asyncio.ensure_future(up(api, say=say))
    with pytest.raises(asyncio.CancelledError if interrupted else TargetError) as ended:
        await starting
    assert interrupted or "cannot PATCH" in str(ended.value)
    assert said[-1].startswith("it could not be removed: ")
    assert said[-1].endswith("`goaround down --target cluster --name airport` does")


async def test_a_world_is_ready_and_rests_though_pods_that_were_evicted_stay_listed(
    api: Api, cluster: FakeCluster
) -> None:
    world = await up(api)
    before = (await world.status()).pods
    left = copy.deepcopy(cluster.of_kind("pods", "airport")[0])
    left["metadata"]["name"] = f"{deployment_of(left['metadata']['name'])}-0-evicted"
    left["status"] = {"phase": "Failed", "reason": "Evicted"}
    cluster.objects[f"/api/v1/namespaces/airport/pods/{left['metadata']['name']}"] = left
    await world.wait_ready(within_s=0)
    assert [pod.name for pod in (await world.status()).pods] == [pod.name for pod in before]


async def test_an_api_server_that_is_busy_while_a_world_starts_and_ends_ends_neither(
    api: Api, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apis, "PAUSE_S", 0.0)
    before = cluster.listing()
    lists = {("GET", "/pods"): [500, 0], ("GET", "/events"): [429], ("GET", "/deployments"): [504]}
    cluster.busy = {**lists, ("PATCH", "/collector"): [500, 0, 429]}
    world = await up(api)
    assert not any(cluster.busy.values())
    cluster.busy = {("GET", "/namespaces/airport"): [500, 0]}
    await world.down()
    assert cluster.listing() == before
    assert not any(cluster.busy.values())


async def test_progress_says_how_many_are_ready(api: Api) -> None:
    said: list[str] = []
    await up(api, say=said.append)
    assert said[-1] == "15 of 15 pods are ready"


async def test_progress_names_what_holds_pods_up_and_not_that_they_are_starting(
    api: Api, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held_up(pod: dict[str, Any]) -> None:
        full = {"type": "PodScheduled", "status": "False", "message": "Insufficient cpu."}
        pod["status"] = {"conditions": [full] if pod["metadata"]["name"].startswith("alerts") else []}

    cluster.trouble = held_up
    monkeypatch.setattr(operated, "POLL_S", 0.0)
    monkeypatch.setattr(ClusterWorld.wait_ready, "__defaults__", (0.5,))
    said: list[str] = []
    with pytest.raises(TargetError):
        await up(api, say=said.append)
    assert "0 of 15 pods are ready; no node takes it: Insufficient cpu." in said


async def test_a_start_that_is_interrupted_again_while_it_is_removed_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = EndlessStart()
    for step, gives in (("_refuse", None), ("_create", {}), ("_fill", None), ("_made", world)):
        monkeypatch.setattr(ClusterTarget, step, lambda *_, gives=gives: gives)
    await world.interrupted_twice(asyncio.ensure_future(up(cast("Api", None))))
    assert world.gone
