"""What a report says of a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from k8s.cluster.api import Api
from k8s.cluster.nodes import cores, describe, quantity
from k8s.target import TargetError
from tests.k8s.cluster.jobs import GIB, JobCluster


@pytest.fixture
def cluster() -> Iterator[JobCluster]:
    with JobCluster() as cluster:
        cluster.node()
        yield cluster


def test_versions_and_each_nodes_cores_and_memory_are_told(api: Api) -> None:
    found = describe(api, "1.31.0")
    assert found["target"] == "cluster"
    assert found["system"] == "Kubernetes v1.34.4 with Istio 1.31.0 (1 node)"
    assert (found["kubernetes"], found["istio"]) == ("v1.34.4", "1.31.0")
    assert (found["cores"], found["memory_bytes"]) == (8, 24 * GIB)
    assert [(one["cores"], one["kernel"]) for one in found["nodes"]] == [(8, "6.18")]


def test_a_cluster_without_istio_is_described_without(api: Api) -> None:
    assert describe(api, "")["system"] == "Kubernetes v1.34.4 (1 node)"


def test_neither_names_nor_addresses_are_kept(api: Api, cluster: JobCluster) -> None:
    said = json.dumps(describe(api, "1.31.0"))
    assert "lab" not in said
    assert str(cluster.port) not in said
    assert "fake" not in said


def test_nodes_that_may_not_be_listed_are_left_out(api: Api, cluster: JobCluster) -> None:
    cluster.forbidden = {("GET", "/api/v1/nodes")}
    found = describe(api, "")
    assert found["nodes"] == []
    assert "cores" not in found


@pytest.mark.parametrize(
    ("said", "bytes_"), [("16Gi", 16 * GIB), ("24644260Ki", 24644260 * 1024), ("1500M", 1_500_000_000), ("7", 7)]
)
def test_memory_is_read_as_kubernetes_writes_it(said: str, bytes_: int) -> None:
    assert quantity(said) == bytes_


def test_what_is_no_quantity_is_refused() -> None:
    with pytest.raises(TargetError, match="'lots' of memory"):
        quantity("lots")


@pytest.mark.parametrize(("said", "n"), [("2", 2), ("1930m", 1.93), ("4000m", 4)])
def test_cores_are_read_as_kubernetes_writes_them(said: str, n: float) -> None:
    assert cores(said) == n
