"""What is done to a running world of a cluster."""

from __future__ import annotations

import pytest
import pytest_asyncio

from k8s.cluster import deletion, operated
from k8s.cluster.api import Api
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld
from k8s.render import render
from k8s.target import MeshOptions, TargetError
from tests.k8s.cluster.fake import FakeCluster

RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "collector", "namespace": "airport"},
    "spec": {"host": "collector"},
}


RULE_PATH = "/apis/networking.istio.io/v1/namespaces/airport/destinationrules/collector"


def named(name: str, namespace: str | None = "airport") -> dict[str, object]:
    return {**RULE, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}}


@pytest_asyncio.fixture
async def world(api: Api) -> ClusterWorld:
    made = render("mesh", mesh=MeshOptions(gateway=True))
    return await ClusterTarget(api).up("airport", made, attached=False, seed=1)


async def test_a_deployment_is_scaled_both_ways(world: ClusterWorld) -> None:
    for replicas in (5, 1):
        await world.scale("image-analysis", replicas)
        pods = (await world.status()).pods
        assert sum(pod.service == "image-analysis" for pod in pods) == replicas


async def test_a_store_is_never_scaled(world: ClusterWorld) -> None:
    with pytest.raises(TargetError, match="section-1 keeps state that a second copy would not have"):
        await world.scale("section-1", 2)


async def test_an_unknown_deployment_is_told_with_the_choices(world: ClusterWorld) -> None:
    with pytest.raises(TargetError, match=r"no deployment 'colector'; choose from: alerts, .*collector"):
        await world.scale("colector", 2)


async def test_objects_are_listed_as_they_were_written(world: ClusterWorld) -> None:
    before = await world.get()
    assert {one["kind"] for one in before} == {"DestinationRule", "Gateway", "VirtualService"}
    await world.apply([RULE])
    assert RULE in await world.get()
    await world.delete([RULE])
    assert await world.get() == before


async def test_when_one_object_is_refused_none_is_applied(world: ClusterWorld, cluster: FakeCluster) -> None:
    before = await world.get()
    cluster.refused = {"bad"}
    with pytest.raises(TargetError, match=r'DestinationRule bad: admission webhook "validation.istio.io" denied bad'):
        await world.apply([named("good"), named("bad")])
    assert await world.get() == before


@pytest.mark.parametrize("namespace", ["istio-system", None])
async def test_objects_of_other_namespaces_are_refused(
    world: ClusterWorld, cluster: FakeCluster, namespace: str | None
) -> None:
    before = cluster.listing()
    for act in (world.apply, world.delete):
        with pytest.raises(TargetError, match=r"metadata.namespace: .* is not this world's; it must be 'airport'"):
            await act([named("stray", namespace)])
    assert cluster.listing() == before


async def test_an_object_of_another_kind_is_refused(world: ClusterWorld) -> None:
    with pytest.raises(TargetError, match="kind 'Secret': must be one of VirtualService"):
        await world.apply([{**RULE, "apiVersion": "v1", "kind": "Secret"}])


@pytest.mark.parametrize(("container", "there"), [("app", "app"), ("proxy", "istio-proxy")])
async def test_logs_are_those_of_the_container(world: ClusterWorld, container: str, there: str) -> None:
    assert await world.log("collector-0-0", container) == f"log of collector-0-0 {there}\n"


async def test_a_namespace_that_does_not_go_is_told_with_what_is_left(
    world: ClusterWorld, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.finalizes = False
    monkeypatch.setattr(operated, "DOWN_S", 0.0)
    with pytest.raises(TargetError, match=r"namespace airport is not gone after 0 s: Some remain: pods. has 3$"):
        await world.down()


async def test_an_object_is_deleted_when_it_is_gone_and_not_before(world: ClusterWorld, cluster: FakeCluster) -> None:
    await world.apply([RULE])
    cluster.lingers = 2
    before = cluster.asked.count(f"GET {RULE_PATH}")
    await world.delete([RULE])
    assert cluster.asked.count(f"GET {RULE_PATH}") - before == 3
    assert RULE not in await world.get()


async def test_an_object_that_stays_is_told(
    world: ClusterWorld, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "GONE_S", 0.2)
    await world.apply([RULE])
    cluster.lingers = 1000
    with pytest.raises(TargetError, match=r"destinationrules/collector is deleted, and still there after 0\.2 s"):
        await world.delete([RULE])
