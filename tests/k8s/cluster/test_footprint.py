"""What a run has made in a cluster is found by its name, and removed whole; nobody else's is touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from k8s.cluster.api import Api
from k8s.cluster.control import token_of
from k8s.cluster.footprint import Footprint, runs
from k8s.cluster.job import Harness, namespace, objects, world
from k8s.cluster.target import ClusterTarget
from k8s.render import render
from k8s.target import TargetError
from tests.k8s.cluster.jobs import JobCluster

RUN = "20261126-quick"


@pytest.fixture
def cluster() -> Iterator[JobCluster]:
    with JobCluster() as cluster:
        yield cluster


async def made(api: Api, run: str) -> None:
    names = {"library": world(run, 1, "library")}
    footprint = Footprint(api, run)
    footprint.begin()
    for name in names.values():
        await ClusterTarget(api).up(name, render("library", namespace=name), attached=False, seed=1)
    footprint.add(objects(Harness(run, b"", names, "secret", 60, 60)))


async def test_everything_that_a_run_has_made_is_removed_and_nothing_else(api: Api, cluster: JobCluster) -> None:
    await made(api, "another")
    before = cluster.listing()
    await made(api, RUN)
    assert set(runs(api)) == {RUN, "another"}
    assert await Footprint(api, RUN).remove() == [namespace(RUN), world(RUN, 1, "library")]
    assert cluster.listing() == before
    assert runs(api) == ["another"]


async def test_all_that_cannot_be_removed_is_told_when_everything_else_is_gone(api: Api, cluster: JobCluster) -> None:
    await made(api, RUN)
    labels = cluster.objects[f"/api/v1/namespaces/{namespace(RUN)}"]["metadata"]["labels"]
    rest = {"name": world(RUN, 2, "none"), "labels": dict(labels)}
    cluster._put("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": rest})
    stuck = [namespace(RUN), world(RUN, 1, "library")]
    cluster.forbidden = {("DELETE", f"/namespaces/{one}") for one in stuck}
    with pytest.raises(TargetError) as refused:
        await Footprint(api, RUN).remove()
    assert [one in line for one, line in zip(stuck, refused.value.errors, strict=True)] == [True, True]
    assert f"/api/v1/namespaces/{world(RUN, 2, 'none')}" not in cluster.listing()


async def test_a_run_that_has_left_nothing_is_no_trouble(api: Api) -> None:
    assert await Footprint(api, RUN).remove() == []


async def test_a_namespace_of_that_name_that_is_not_ours_is_left_alone(api: Api, cluster: JobCluster) -> None:
    stranger = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace(RUN)}}
    cluster._put("/api/v1/namespaces", stranger)
    assert await Footprint(api, RUN).remove() == []
    assert f"/api/v1/namespaces/{namespace(RUN)}" in cluster.listing()


@pytest.mark.parametrize("label", [{}, {"goaround/world": "airport"}, {"goaround/run": "another"}])
async def test_a_namespace_of_such_a_name_without_the_labels_of_this_run_is_left_alone(
    api: Api, cluster: JobCluster, label: dict[str, str]
) -> None:
    name = world(RUN, 1, "library")
    labels = {"app.kubernetes.io/managed-by": "goaround", **label}
    cluster._put(
        "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    )
    assert await Footprint(api, RUN).remove() == []
    assert f"/api/v1/namespaces/{name}" in cluster.listing()


async def test_the_token_is_read_back_from_the_jobs_secret(api: Api) -> None:
    assert Footprint(api, RUN).guard() is None
    await made(api, RUN)
    guard = Footprint(api, RUN).guard()
    assert guard is not None
    assert token_of(guard) == "secret"


async def test_an_object_that_is_refused_is_named(api: Api, cluster: JobCluster) -> None:
    cluster.forbidden = {("PATCH", "/rolebindings/goaround-bench")}
    with pytest.raises(TargetError, match=r"RoleBinding goaround-bench: .* is forbidden"):
        await made(api, RUN)


async def test_worlds_of_a_run_are_no_strangers_to_the_target(api: Api) -> None:
    await made(api, RUN)
    assert await ClusterTarget(api).worlds() == [world(RUN, 1, "library")]
