"""The CPU that worlds ask for, and what nodes have left of it; the scheduler has the last word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from k8s.cluster import job
from k8s.cluster.api import Api
from k8s.cluster.nodes import cores
from k8s.cluster.objects import sent
from k8s.cluster.readiness import has_ended
from k8s.local.models import INJECT
from k8s.target import Rendered

PROXY_CPU = "sidecar.istio.io/proxyCPU"
HARNESS = cores(job.CPU)
"""What a bench's Job asks for."""


def wanted(rendered: Rendered) -> float:
    """Cores that a world asks for when all its pods are up, wardens and sidecars with them."""
    total = 0.0
    for one in sent("any", rendered, 0, token="any").objects:  # noqa: S106 - it is not sent
        if one["kind"] == "Deployment":
            template = one["spec"]["template"]
            proxy = template["metadata"].get("annotations", {}).get(PROXY_CPU, "0")
            injected = template["metadata"]["labels"].get(INJECT) == "true"
            own = _asked(template["spec"]["containers"])
            total += int(one["spec"]["replicas"]) * (own + (cores(proxy) if injected else 0))
    return total


def free(api: Api) -> float | None:
    """Cores of all nodes that no pod has asked for; None where nodes do not tell."""
    nodes = api.get("/api/v1/nodes")["items"]
    if not all("cpu" in one["status"].get("allocatable", {}) for one in nodes):
        return None
    there = sum(cores(str(one["status"]["allocatable"]["cpu"])) for one in nodes)
    pods = [one for one in api.get("/api/v1/pods")["items"] if not has_ended(one)]
    return there - sum(_asked([*one["spec"].get("containers", ()), *_staying(one)]) for one in pods)


def _staying(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Containers that start first and stay: a sidecar as Kubernetes has them."""
    return [one for one in pod["spec"].get("initContainers", ()) if one.get("restartPolicy") == "Always"]


def _asked(containers: Iterable[Mapping[str, Any]]) -> float:
    return sum(cores(str((one.get("resources") or {}).get("requests", {}).get("cpu", "0"))) for one in containers)
