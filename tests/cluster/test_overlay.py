"""The mesh as a person applies it, with kubectl alone: injected, working, and removed the same way."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from k8s import kustomize
from k8s.cluster.api import NAMESPACES, Api, ApiError
from k8s.cluster.readiness import APP, PROXY, containers
from k8s.cluster.world import ClusterWorld
from k8s.render import NAMESPACE, OVERLAYS
from tests.cluster.given import CONTEXT, MISSING
from tests.services.scripted import frame

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

MESH = str(OVERLAYS / "mesh")
PLACE = f"{NAMESPACES}/{NAMESPACE}"
PODS = 15
pytestmark = [pytest.mark.timeout(1200), pytest.mark.xdist_group("cluster")]


def kubectl(*arguments: str) -> None:
    command = [str(kustomize.kubectl()), *CONTEXT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr


@pytest.fixture
def applied(api: Api, as_before: None) -> Iterator[list[dict[str, Any]]]:
    """The pods of the overlay, once all are ready."""
    if api.find(PLACE) is not None:
        pytest.fail(f"namespace {NAMESPACE} is there already, and the overlay has no other: end that world first")
    try:
        kubectl("apply", "-k", MESH)
        asyncio.run(ClusterWorld(api, api.get(PLACE), print).wait_ready(600))
        yield api.get(f"{PLACE}/pods")["items"]
    finally:
        kubectl("delete", "-k", MESH, "--ignore-not-found", "--timeout=300s")


def shown(pod: Mapping[str, Any]) -> str:
    """READY as `kubectl get pods` shows it: sidecars that are init containers count, other init containers do not."""
    spec = pod["spec"]
    lasting = [one for one in spec.get("initContainers", ()) if one.get("restartPolicy") == "Always"]
    names = {one["name"] for one in (*spec["containers"], *lasting)}
    ready = {one["name"] for one in containers(pod) if one["ready"]} & names
    return f"{len(ready)}/{len(names)}"


def stored(api: Api, seed: int) -> bool:
    """Whether a frame that is given to a collector, through the API server, is taken."""
    try:
        api.post(f"{PLACE}/services/http:collector:8080/proxy/frame", frame(seed, section=1).to_json())
    except ApiError:
        return False
    return True


def test_kubectl_alone_makes_a_world_of_pods_with_sidecars_that_works(api: Api, applied: list[dict[str, Any]]) -> None:
    assert len(applied) == PODS
    assert {pod["metadata"]["name"]: shown(pod) for pod in applied if shown(pod) != "2/2"} == {}
    assert all({APP, PROXY} <= {one["name"] for one in containers(pod)} for pod in applied)
    # a sidecar is told of its callees a while after it is ready
    assert any(stored(api, seed) for seed in range(30))
    assert [stored(api, seed) for seed in range(100, 105)] == [True] * 5
