"""What the mesh must find in a Kubernetes object."""

from typing import Any

import pytest

from istio.objects import Document
from istio.wellformed import malformations

NAMED = {"metadata": {"name": "a"}}


def places(kind: str, **fields: Any) -> list[str]:
    return [one.path for one in malformations(Document({"kind": kind, **fields}))]


@pytest.mark.parametrize(
    ("kind", "fields", "path"),
    [
        ("Pod", {}, "metadata.name"),
        ("Pod", {"metadata": {"name": "a", "labels": ["x"]}}, "metadata.labels"),
        ("Pod", {**NAMED, "spec": {"containers": ["x"]}}, "spec.containers[0]"),
        ("Service", {**NAMED, "spec": {"selector": "x"}}, "spec.selector"),
        ("Service", {**NAMED, "spec": {"ports": [{"port": "x"}]}}, "spec.ports[0].port"),
        ("EndpointSlice", {**NAMED, "endpoints": [{}]}, "endpoints[0].addresses"),
        ("EndpointSlice", {**NAMED, "endpoints": [{"addresses": ["x"], "conditions": 1}]}, "endpoints[0].conditions"),
        ("EndpointSlice", {**NAMED, "endpoints": [{"addresses": ["x"], "targetRef": 1}]}, "endpoints[0].targetRef"),
    ],
)
def test_what_is_misshapen_is_named(kind: str, fields: dict[str, Any], path: str) -> None:
    assert places(kind, **fields) == [path]


def test_other_kinds_are_not_looked_at() -> None:
    assert places("Deployment") == []
