"""What a cluster lacks is found before anything is made in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from k8s.cluster.api import Api
from k8s.cluster.doctor import Found, examine
from k8s.render import render
from k8s.target import MeshOptions, Rendered
from tests.k8s.cluster.fake import FakeCluster


@cache
def rendered(mode: str) -> Rendered:
    return render(mode, mesh=MeshOptions(gateway=True))


def node(images: list[str], pods: int = 110) -> dict[str, Any]:
    status = {"allocatable": {"pods": str(pods)}, "images": [{"names": images}]}
    return {"kind": "Node", "metadata": {"name": "lab", "uid": "1"}, "status": status}


@pytest.fixture
def cluster(cluster: FakeCluster) -> FakeCluster:
    cluster.objects["/api/v1/nodes/lab"] = node(["docker.io/library/goaround:dev"])
    return cluster


def seen(api: Api, mode: str = "mesh", image: str | None = None) -> dict[str, tuple[Found, str]]:
    return {one.what: (one.found, one.says) for one in examine(api, "airport", rendered(mode), image)}


def test_a_cluster_that_has_everything_passes_and_nothing_is_made(api: Api, cluster: FakeCluster) -> None:
    before = cluster.listing()
    found = seen(api)
    assert {one for one, _ in found.values()} == {Found.GOOD, Found.ABSENT}
    there = {what for what, (one, _) in found.items() if one is Found.GOOD}
    assert there == {"cluster", "permissions", "room", "image", "Istio", "sidecar injection"}
    assert found["Istio"][1] == "1.30.1"
    assert cluster.listing() == before


def test_a_mode_without_sidecars_wants_no_istio(api: Api, cluster: FakeCluster) -> None:
    cluster.istio = None
    assert set(seen(api, "library")) == {"cluster", "permissions", "room", "image", "holding back discovery"}


def test_what_no_cluster_does_is_said_with_why(api: Api) -> None:
    never = {what: says for what, (found, says) in seen(api).items() if found is Found.ABSENT}
    assert set(never) == {
        "killing and freezing sidecars",
        "holding back discovery",
        "withdrawing Istio's objects",
        "expiring certificates",
    }
    assert "another user's" in never["killing and freezing sidecars"]


def test_a_cluster_that_does_not_answer_is_the_only_thing_told(tmp_path: Path) -> None:
    with FakeCluster() as gone:
        api = Api(kubeconfig=gone.kubeconfig(tmp_path))
    [(what, (found, says))] = seen(api).items()
    assert (what, found) == ("cluster", Found.BAD)
    assert says.startswith("no cluster answers at ")


def test_rights_that_are_lacking_are_named(api: Api, cluster: FakeCluster) -> None:
    cluster.forbidden = {("PATCH", "/destinationrules")}
    assert seen(api)["permissions"] == (Found.BAD, "you may not create, patch destinationrules")


def test_no_istio_and_an_old_one_are_bad_and_injection_is_then_not_tried(api: Api, cluster: FakeCluster) -> None:
    for release, says in ((None, "there is no Istio in this cluster"), ("1.20.0", "Istio 1.20.0 is too old")):
        cluster.istio = release
        found = seen(api)
        assert found["Istio"][0] is Found.BAD
        assert found["Istio"][1].startswith(says)
        assert "sidecar injection" not in found


def test_injection_that_is_off_is_bad(api: Api, cluster: FakeCluster) -> None:
    cluster.injection = False
    assert seen(api)["sidecar injection"][0] is Found.BAD


def test_an_image_that_no_node_lists_is_unknown_since_a_registry_may_have_it(api: Api) -> None:
    found, says = seen(api, image="goaround:other")["image"]
    assert found is Found.UNKNOWN
    assert says.startswith("goaround:other is listed by 0 of 1 nodes")


def test_too_few_pods_are_bad(api: Api, cluster: FakeCluster) -> None:
    cluster.objects["/api/v1/nodes/lab"] = node([], pods=14)
    assert seen(api)["room"] == (Found.BAD, "15 pods wanted, 14 more fit on 1 node")


def test_what_one_may_not_look_at_is_unknown(api: Api, cluster: FakeCluster) -> None:
    cluster.forbidden = {("GET", "/api/v1/nodes")}
    assert seen(api)["room"][0] is Found.UNKNOWN
