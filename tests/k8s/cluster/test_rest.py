"""A world that rests has no pods, remembers how many it had, and has them again when it wakes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from k8s.cluster import rest as rests
from k8s.cluster.api import Api
from k8s.cluster.rest import rest, wake
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld
from k8s.render import render
from k8s.target import TargetError
from tests.k8s.cluster.jobs import JobCluster


@pytest.fixture
def cluster() -> Iterator[JobCluster]:
    with JobCluster() as cluster:
        yield cluster


async def up(api: Api) -> ClusterWorld:
    return await ClusterTarget(api).up("airport", render("library"), attached=False, seed=1)


def replicas(cluster: JobCluster) -> dict[str, int]:
    return {one["metadata"]["name"]: one["spec"]["replicas"] for one in cluster.of_kind("deployments", "airport")}


async def test_a_world_at_rest_has_no_pods_and_is_otherwise_as_it_was(api: Api, cluster: JobCluster) -> None:
    world = await up(api)
    before = {path for path in cluster.listing() if "/pods/" not in path}
    await rest(api, "airport")
    assert (await world.status()).pods == ()
    assert {path for path in cluster.listing() if "/pods/" not in path} == before


async def test_a_world_that_wakes_has_the_replicas_that_it_had(api: Api, cluster: JobCluster) -> None:
    world = await up(api)
    await world.scale("image-analysis", 5)
    before = replicas(cluster)
    assert before["image-analysis"] == 5
    await rest(api, "airport")
    assert set(replicas(cluster).values()) == {0}
    await wake(api, "airport")
    await world.wait_ready()
    assert replicas(cluster) == before
    assert all("goaround/replicas" not in one["metadata"].get("annotations", {}) for one in cluster.objects.values())


async def test_a_world_that_rests_already_keeps_what_it_remembers(api: Api, cluster: JobCluster) -> None:
    await up(api)
    before = replicas(cluster)
    await rest(api, "airport")
    await rest(api, "airport")
    await wake(api, "airport")
    assert replicas(cluster) == before


async def test_a_world_that_is_awake_is_left_alone(api: Api, cluster: JobCluster) -> None:
    await up(api)
    cluster.merged.clear()
    await wake(api, "airport")
    assert not cluster.merged


async def test_a_world_is_at_rest_though_a_pod_that_was_evicted_stays_listed(
    api: Api, cluster: JobCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await up(api)
    evicted = cluster.of_kind("pods", "airport")[0]
    monkeypatch.setattr(cluster, "_control", lambda _deployment: None)
    evicted["status"] = {"phase": "Failed", "reason": "Evicted"}
    with pytest.raises(TargetError, match="14 pods are left"):
        await rest(api, "airport", within_s=0)


async def test_pods_that_do_not_end_are_told(api: Api, cluster: JobCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    await up(api)
    monkeypatch.setattr(rests, "POLL_S", 0)
    monkeypatch.setattr(cluster, "_control", lambda _deployment: None)
    with pytest.raises(TargetError, match="world airport is not at rest after 0 s: 15 pods are left"):
        await rest(api, "airport", within_s=0)
