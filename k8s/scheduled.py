"""What a cluster would make of rendered objects: a pod for each replica, and addresses for pods and services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from istio.registry import SERVICE_LABEL, TLS_LABEL
from k8s.target import Document


def scheduled(objects: Sequence[Document]) -> list[Document]:
    """Return Services, Pods and EndpointSlices as the mesh would find them: every pod ready, with a sidecar."""
    pods = list(_pods([one for one in objects if one["kind"] == "Deployment"]))
    services = [
        {**one, "spec": {**one["spec"], "clusterIP": f"10.96.0.{number}"}}
        for number, one in enumerate((one for one in objects if one["kind"] == "Service"), start=1)
    ]
    return [
        *services,
        *pods,
        *(_slice(service, port, pods) for service in services for port in service["spec"]["ports"]),
    ]


def _pods(deployments: Sequence[Document]) -> Iterator[Document]:
    for number, deployment in enumerate(deployments):
        template = deployment["spec"]["template"]
        for replica in range(deployment["spec"].get("replicas", 1)):
            metadata = {
                "name": f"{deployment['metadata']['name']}-{replica}",
                "namespace": deployment["metadata"]["namespace"],
                "labels": {**template["metadata"]["labels"], TLS_LABEL: "istio"},
            }
            status = {"podIP": f"10.0.{number}.{replica + 1}"}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"], "status": status}


def _slice(service: Document, port: dict[str, Any], pods: Sequence[Document]) -> Document:
    selector, namespace = service["spec"]["selector"], service["metadata"]["namespace"]
    chosen = [
        pod
        for pod in pods
        if pod["metadata"]["namespace"] == namespace and selector.items() <= pod["metadata"]["labels"].items()
    ]
    endpoints = [
        {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]},
        }
        for pod in chosen
    ]
    name = service["metadata"]["name"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-{port['name']}", "namespace": namespace, "labels": {SERVICE_LABEL: name}},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": port["name"], "port": target_port(port, chosen), "protocol": "TCP"}],
    }


def target_port(port: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> int:
    """The number of a service port's target, which may be the name of a container's port."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    named = (
        int(each["containerPort"])
        for pod in pods
        for container in pod["spec"]["containers"]
        for each in container.get("ports", ())
        if each.get("name") == target
    )
    return next(named, int(port["port"]))
