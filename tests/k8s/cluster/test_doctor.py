"""What a cluster lacks is found before anything is made in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from k8s.cluster.api import Api
from k8s.cluster.doctor import Found, examine, unfit
from k8s.cluster.job import Harness, objects, world
from k8s.render import render
from k8s.target import MeshOptions, Rendered
from tests.k8s.cluster.fake import FakeCluster


@cache
def rendered(mode: str) -> Rendered:
    return render(mode, mesh=MeshOptions(gateway=True))


def node(images: list[str], pods: int = 110, runtime: str = "containerd://2.1.4") -> dict[str, Any]:
    status = {
        "allocatable": {"pods": str(pods)},
        "images": [{"names": images}],
        "nodeInfo": {"containerRuntimeVersion": runtime},
    }
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
    never = {"holding back discovery", "leaving a library out for a phase"}
    assert set(seen(api, "library")) == {"cluster", "permissions", "room", "image", *never}


def test_what_no_cluster_does_is_said_with_why(api: Api) -> None:
    never = {what: says for what, (found, says) in seen(api).items() if found is Found.ABSENT}
    assert set(never) == {
        "killing and freezing sidecars",
        "holding back discovery",
        "withdrawing Istio's objects",
        "expiring certificates",
        "leaving a library out for a phase",
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


def test_each_right_that_faults_load_and_looking_on_need_is_asked_for(api: Api, cluster: FakeCluster) -> None:
    assert seen(api)["permissions"][0] is Found.GOOD
    by_hand = {("", "pods/proxy", verb) for verb in ("get", "create", "update", "delete")}
    assert by_hand | {("", "secrets", "get"), ("apps", "deployments", "list")} <= set(cluster.reviews)


def test_a_bench_wants_no_more_of_the_way_to_pods_than_it_goes(api: Api, cluster: FakeCluster) -> None:
    assert bench(api, "none", "mesh") == []
    assert {verb for _, what, verb in cluster.reviews if what == "pods/proxy"} == {"get", "create"}


def test_no_istio_and_an_old_one_are_bad_and_injection_is_then_not_tried(api: Api, cluster: FakeCluster) -> None:
    for release, says in ((None, "there is no Istio in this cluster"), ("1.20.0", "Istio 1.20.0 is too old")):
        cluster.istio = release
        found = seen(api)
        assert found["Istio"][0] is Found.BAD
        assert found["Istio"][1].startswith(says)
        assert "sidecar injection" not in found


def peers(cluster: FakeCluster, **spec: object) -> None:
    path = "/apis/security.istio.io/v1/namespaces/istio-system/peerauthentications"
    cluster._put(path, {"kind": "PeerAuthentication", "metadata": {"name": "default"}, "spec": spec})


def test_a_mesh_that_takes_no_plaintext_is_bad_for_doctor_and_bench(api: Api, cluster: FakeCluster) -> None:
    peers(cluster, mtls={"mode": "STRICT"})
    says = (
        "PeerAuthentication default in istio-system is STRICT for the whole mesh, "
        "which would refuse the load from outside it"
    )
    assert seen(api)["Istio"] == (Found.BAD, says)
    assert bench(api, "none", "mesh") == [says]
    assert bench(api, "none", "library") == []


@pytest.mark.parametrize(
    "spec",
    [
        {"mtls": {"mode": "PERMISSIVE"}},
        {"mtls": {"mode": "STRICT"}, "selector": {"matchLabels": {"app": "x"}}},
        {"mtls": None},
        {},
    ],
)
def test_a_mesh_that_takes_plaintext_is_good(api: Api, cluster: FakeCluster, spec: dict[str, object]) -> None:
    peers(cluster, **spec)
    assert seen(api)["Istio"][0] is Found.GOOD


def test_a_rule_for_peers_that_says_nothing_at_all_is_good(api: Api, cluster: FakeCluster) -> None:
    peers(cluster)
    del cluster.of_kind("peerauthentications", "istio-system")[0]["spec"]
    assert seen(api)["Istio"][0] is Found.GOOD


def test_a_world_without_mutual_tls_says_so_itself_in_any_mesh(api: Api, cluster: FakeCluster) -> None:
    peers(cluster, mtls={"mode": "STRICT"})
    plain = render("mesh", mesh=MeshOptions(mtls=False))
    found = {one.what: one.found for one in examine(api, "airport", plain)}
    assert found["Istio"] is Found.GOOD


def test_injection_that_is_off_is_bad(api: Api, cluster: FakeCluster) -> None:
    cluster.injection = False
    assert seen(api)["sidecar injection"][0] is Found.BAD


@pytest.mark.parametrize("label", ["istio-injection", "istio.io/rev"])
@pytest.mark.parametrize("on", [True, False])
def test_injection_is_not_judged_by_a_namespace_that_has_one_of_its_own(
    api: Api, cluster: FakeCluster, label: str, on: bool
) -> None:
    cluster.injection = on
    cluster.objects["/api/v1/namespaces/default"]["metadata"]["labels"] = {label: "disabled"}
    found, says = seen(api)["sidecar injection"]
    assert found is Found.UNKNOWN
    assert f"(label {label})" in says
    assert bench(api, "none", "mesh") == []


@pytest.mark.parametrize(
    ("runtime", "found"),
    [("containerd://2.1.4", Found.BAD), ("docker://28.0", Found.BAD), ("cri-o://1.33", Found.GOOD)],
)
def test_an_image_of_localhost_is_there_only_where_the_runtime_looks_for_it(
    api: Api, cluster: FakeCluster, runtime: str, found: Found
) -> None:
    cluster.objects["/api/v1/nodes/lab"] = node(["localhost/goaround:dev"], runtime=runtime)
    assert seen(api)["image"][0] is found


def test_an_image_that_no_node_lists_is_unknown_where_a_registry_may_have_it(api: Api) -> None:
    found, says = seen(api, image="registry.example/goaround:1")["image"]
    assert found is Found.UNKNOWN
    assert says.startswith("registry.example/goaround:1 is listed by 0 of 1 nodes")


def test_an_image_of_ours_that_no_node_has_is_missing(api: Api) -> None:
    assert seen(api, image="goaround:other")["image"] == (
        Found.BAD,
        "image goaround:other is on no node: docs/cluster.md says how it gets there",
    )


def test_an_image_is_not_missing_where_nodes_do_not_list_all_that_they_have(api: Api, cluster: FakeCluster) -> None:
    cluster.objects["/api/v1/nodes/lab"]["status"]["images"] = [{"names": [f"other:{n}"]} for n in range(50)]
    assert seen(api)["image"][0] is Found.UNKNOWN


def bench(api: Api, *modes: str, image: str = "goaround:dev", at_once: int = 9, counted: bool = True) -> list[str]:
    return unfit(api, "goaround-bench-1", list(map(rendered, modes)), (image,), at_once=at_once, counted=counted)


def test_a_cluster_that_can_bench_lacks_nothing_and_nothing_is_made(api: Api, cluster: FakeCluster) -> None:
    before = cluster.listing()
    assert bench(api, "none", "mesh") == []
    assert cluster.listing() == before


def test_all_that_a_bench_lacks_is_told_at_once(api: Api, cluster: FakeCluster) -> None:
    cluster.istio = "1.20.0"
    cluster.forbidden = {("PATCH", "/jobs")}
    cluster.objects["/api/v1/nodes/lab"] = node([], pods=20)
    assert bench(api, "none", "mesh", image="goaround:other") == [
        "you may not create, patch jobs",
        "31 pods wanted, 20 more fit on 1 node",
        "image goaround:other is on no node: docs/cluster.md says how it gets there",
        "Istio 1.20.0 is too old: 1.24 or newer is needed",
    ]


@pytest.mark.parametrize(("modes", "sidecars"), [(("none", "mesh"), True), (("none", "library"), False)])
def test_a_bench_is_asked_for_each_right_that_it_grants_and_for_none_of_istios_without_sidecars(
    api: Api, cluster: FakeCluster, modes: tuple[str, ...], sidecars: bool
) -> None:
    assert bench(api, *modes) == []
    for one in objects(Harness("r", b"", {mode: world("r", 1, mode) for mode in modes}, "t", 60, 60)):
        for rule in one["rules"] if one["kind"] == "Role" else ():
            granted = {(rule["apiGroups"][0], rule["resources"][0], verb) for verb in rule["verbs"]}
            assert granted <= set(cluster.reviews)
    assert any(group.endswith("istio.io") for group, _, _ in cluster.reviews) is sidecars


def test_worlds_that_take_turns_want_the_pods_of_one(api: Api, cluster: FakeCluster) -> None:
    cluster.objects["/api/v1/nodes/lab"]["status"]["allocatable"]["pods"] = "16"
    assert bench(api, "none", "mesh", at_once=1) == []
    assert bench(api, "none", "mesh", counted=False) == []
    assert bench(api, "none", "mesh") == ["31 pods wanted, 16 more fit on 1 node"]


def test_a_bench_without_sidecars_wants_no_istio(api: Api, cluster: FakeCluster) -> None:
    cluster.istio = None
    assert bench(api, "none", "library") == []


def test_a_bench_wants_injection(api: Api, cluster: FakeCluster) -> None:
    cluster.injection = False
    [line] = bench(api, "mesh")
    assert line.startswith("sidecar injection is off")


def test_too_few_pods_are_bad(api: Api, cluster: FakeCluster) -> None:
    cluster.objects["/api/v1/nodes/lab"] = node([], pods=14)
    assert seen(api)["room"] == (Found.BAD, "15 pods wanted, 14 more fit on 1 node")


def test_what_one_may_not_look_at_is_unknown(api: Api, cluster: FakeCluster) -> None:
    cluster.forbidden = {("GET", "/api/v1/nodes")}
    assert seen(api)["room"][0] is Found.UNKNOWN


def pod(cpu: str, phase: str = "Running") -> dict[str, Any]:
    asked = {"resources": {"requests": {"cpu": cpu}}}
    sidecar = {"restartPolicy": "Always", **asked}
    spec = {"containers": [asked, {}], "initContainers": [sidecar, asked]}
    return {"kind": "Pod", "metadata": {"name": cpu, "uid": cpu}, "spec": spec, "status": {"phase": phase}}


def test_worlds_that_want_more_cpu_than_is_free_are_told_with_what_would_do(api: Api, cluster: FakeCluster) -> None:
    cluster.objects["/api/v1/nodes/lab"]["status"]["allocatable"]["cpu"] = "2"
    cluster.objects["/api/v1/pods/busy"] = pod("200m")
    cluster.objects["/api/v1/pods/done"] = pod("1", "Succeeded")
    # 15 pods of 60 m each, and 20 m for each sidecar; what is free: 2 - 2 x 0.2
    assert bench(api, "none", "mesh") == [
        "2.20 CPU wanted by requests, 1.60 are free; --one-world-at-a-time wants 1.30"
    ]
    assert bench(api, "none", "mesh", at_once=1) == []
    cluster.objects["/api/v1/pods/busier"] = pod("800m")
    assert bench(api, "none", "mesh", at_once=1) == ["1.30 CPU wanted by requests, 0.00 are free"]
