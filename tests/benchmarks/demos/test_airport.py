"""How demonstrations call pods, and when two objects say the same."""

from __future__ import annotations

from benchmarks.demos.airport import alike, places
from k8s.target import KindUsage, Pod


def pod(name: str, deployment: str) -> Pod:
    usage = KindUsage()
    return Pod(name, "x", "v1", "Running", True, 0, 1.0, "", "a:1", "a:1", "a:2", None, usage, None, deployment)


def test_pods_are_called_by_their_deployment_and_their_place_in_the_order_of_names() -> None:
    pods = [
        pod("collector-6bc9-zz", "collector"),
        pod("collector-6bc9-aa", "collector"),
        pod("momentum-1-a", "momentum"),
    ]
    assert places(pods) == {
        "collector-6bc9-aa": "collector-0",
        "collector-6bc9-zz": "collector-1",
        "momentum-1-a": "momentum-0",
    }


def test_on_this_machine_places_are_names() -> None:
    names = ["collector-1", "collector-0", "collector-2", "cpanel-v1-0"]
    assert places([pod(name, name.rpartition("-")[0]) for name in names]) == {name: name for name in names}


def test_objects_are_alike_when_they_are_the_same_one_and_say_the_same() -> None:
    one = {"apiVersion": "x/v1", "kind": "Gateway", "metadata": {"name": "g", "labels": {"a": "b"}}, "spec": {"n": 1}}
    assert alike(one, {**one, "apiVersion": "x/v1beta1", "metadata": {"name": "g"}})
    assert not alike(one, {**one, "spec": {"n": 2}})
    assert not alike(one, {**one, "metadata": {"name": "h"}})
