"""Istio objects in another namespace: all that belongs to the application moves, and nothing else does."""

from __future__ import annotations

import json

import pytest

from benchmarks.demos.airport import MANIFESTS, documents
from benchmarks.demos.moved import moved, moved_name
from istio.objects import parse
from istio.objects.document import Document, read_files

EVERY = sorted(path.stem for path in MANIFESTS.glob("*.yaml"))
BASE = sorted(path for path in (MANIFESTS.parent / "base").glob("*.yaml") if path.stem != "kustomization")


@pytest.mark.parametrize("name", EVERY)
def test_no_object_of_a_demonstration_says_where_it_came_from(name: str) -> None:
    text = json.dumps(moved(documents(name), "goaround-7"))
    assert "default.svc" not in text
    assert "ns/default/" not in text
    assert {one["metadata"]["namespace"] for one in json.loads(text)} == {"goaround-7"}


@pytest.mark.parametrize("name", EVERY)
def test_objects_that_are_moved_there_and_back_are_the_same(name: str) -> None:
    assert moved(moved(documents(name), "airport"), "default") == documents(name)


@pytest.mark.parametrize("name", EVERY)
def test_objects_that_were_moved_are_still_right(name: str) -> None:
    assert (
        parse([Document(one) for one in moved(documents(name), "goaround-7")]).warnings
        == parse([Document(one) for one in documents(name)]).warnings
    )


def test_the_objects_of_the_edge_move_too() -> None:
    edge = moved([one.data for one in read_files(BASE)], "other")
    assert {one["metadata"]["namespace"] for one in edge} == {"other"}
    assert {one["kind"] for one in edge} == {"Gateway", "VirtualService", "DestinationRule"}


def test_hosts_identities_namespaces_and_qualified_names_move() -> None:
    [one] = moved(
        [
            {
                "metadata": {"name": "x"},
                "spec": {
                    "hosts": ["cpanel.default.svc.cluster.local", "default/*", "*"],
                    "gateways": ["airport/airport-gateway", "airport-gateway", "mesh"],
                    "principals": ["cluster.local/ns/default/sa/cpanel"],
                    "namespaces": ["default", "istio-system"],
                    "weight": 50,
                },
            }
        ],
        "here",
    )
    assert one["metadata"] == {"name": "x", "namespace": "here"}
    assert one["spec"] == {
        "hosts": ["cpanel.here.svc.cluster.local", "here/*", "*"],
        "gateways": ["here/airport-gateway", "airport-gateway", "mesh"],
        "principals": ["cluster.local/ns/here/sa/cpanel"],
        "namespaces": ["here", "istio-system"],
        "weight": 50,
    }


def test_what_belongs_to_others_stays() -> None:
    other = {
        "metadata": {"name": "default", "namespace": "istio-system"},
        "spec": {
            "hosts": ["default.example", "cpanel.other.svc.cluster.local", "weather.example"],
            "subset": "default",
        },
    }
    assert moved([other], "here") == [other]


def test_what_is_given_is_not_changed() -> None:
    given = documents("authorization")
    before = json.dumps(given)
    moved(given, "here")
    assert json.dumps(given) == before


def test_the_name_of_a_counter_moves() -> None:
    name = "cluster.outbound|8080|v1|cpanel.default.svc.cluster.local;.upstream_rq_200"
    assert moved_name(name, "here") == "cluster.outbound|8080|v1|cpanel.here.svc.cluster.local;.upstream_rq_200"
    assert moved_name(".fault.aborts_injected", "here") == ".fault.aborts_injected"
