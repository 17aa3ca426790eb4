"""What a cluster is, as a reader of its figures must know it."""

from __future__ import annotations

from typing import Any

from k8s.cluster.api import Api, ApiError
from k8s.target import TargetError

_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def describe(api: Api, istio: str) -> dict[str, Any]:
    """Kubernetes' version, Istio's release ("" without), and each node's cores and memory; no name of anything.

    `nodes` is empty, and `cores` and `memory_bytes` are left out, where nodes may not be listed.
    """
    version = str(api.get("/version")["gitVersion"])
    try:
        listed = api.get("/api/v1/nodes")["items"]
    except ApiError as error:
        if error.status != 403:
            raise
        listed = []
    nodes = [
        {
            "cores": cores(str(one["status"]["capacity"]["cpu"])),
            "memory_bytes": quantity(str(one["status"]["capacity"]["memory"])),
            "kernel": one["status"].get("nodeInfo", {}).get("kernelVersion"),
            "machine": one["status"].get("nodeInfo", {}).get("architecture"),
        }
        for one in listed
    ]
    known = {
        "cores": sum(one["cores"] for one in nodes),
        "memory_bytes": sum(one["memory_bytes"] for one in nodes),
    }
    mesh = f" with Istio {istio}" if istio else ""
    many = f" ({len(nodes)} node{'s'[: len(nodes) != 1]})" if nodes else ""
    return {
        "target": "cluster",
        "system": f"Kubernetes {version}{mesh}{many}",
        "kubernetes": version,
        "istio": istio or None,
        "nodes": nodes,
        **(known if nodes else {}),
    }


def cores(said: str) -> float:
    """A quantity of CPU: `2`, or `1930m`."""
    number = int(said[:-1]) / 1000 if said.endswith("m") else float(said)
    return int(number) if number == int(number) else number


def quantity(said: str) -> int:
    """A quantity of memory, in bytes: `16Gi`, `1500M`, or bytes. Raises TargetError for what is none."""
    unit = next((each for each in _UNITS if said.endswith(each)), "")
    try:
        return int(float(said.removesuffix(unit)) * _UNITS.get(unit, 1))
    except ValueError:
        raise TargetError(f"a node says that it has {said!r} of memory, which is no quantity") from None
