"""What a world was when it started is kept with it, so that anybody can go back to it."""

from __future__ import annotations

import pytest

from k8s.cluster.api import Api
from k8s.cluster.objects import BEGINNING
from k8s.cluster.target import ClusterTarget
from k8s.render import render
from k8s.target import MeshOptions, TargetError
from tests.k8s.cluster.fake import NAMESPACES, FakeCluster

RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "of-somebody", "namespace": "airport"},
    "spec": {"host": "collector"},
}


async def test_a_world_that_was_changed_by_somebody_says_what_it_was(cluster: FakeCluster, api: Api) -> None:
    made = await ClusterTarget(api).up("airport", render("mesh", mesh=MeshOptions(gateway=True)), seed=1)
    first = await made.get()
    await made.apply([RULE])
    await made.scale("collector", 5)
    said = await (await ClusterTarget(api).world("airport")).beginning()
    assert (said.namespace, said.replicas["collector"], said.replicas["image-analysis"]) == ("airport", 2, 3)
    # versions of the API and labels are the server's business; what an object says is not
    assert sorted((one["kind"], one["metadata"]["name"], str(one["spec"])) for one in said.istio) == sorted(
        (one["kind"], one["metadata"]["name"], str(one["spec"])) for one in first
    )


async def test_a_world_without_mutual_tls_began_with_the_object_that_says_so(cluster: FakeCluster, api: Api) -> None:
    rendered = render("mesh", mesh=MeshOptions(mtls=False))
    world = await ClusterTarget(api).up("airport", rendered, seed=1)
    assert "PeerAuthentication" in {one["kind"] for one in (await world.beginning()).istio}


async def test_a_world_that_does_not_say_is_one_line(cluster: FakeCluster, api: Api) -> None:
    world = await ClusterTarget(api).up("airport", render("none"), seed=1)
    del cluster.objects[f"{NAMESPACES}/airport/configmaps/{BEGINNING}"]
    with pytest.raises(TargetError, match="world airport does not say what it began with"):
        await world.beginning()
