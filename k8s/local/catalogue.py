"""What the control plane knows of a world: its services, its pods, and which of them are ready behind which service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from istio.objects import Document
from istio.registry import TLS_LABEL, Registry
from k8s.local.gateway import IngressGateway
from k8s.local.models import Service
from k8s.local.pod import Pod

TARGET_PORT = 8080


def registry(
    services: Mapping[str, Service],
    pods: Iterable[Pod],
    ready: Sequence[Pod],
    gateway: IngressGateway | None = None,
) -> Registry:
    """Say what a cluster's API server would tell of a world's pods, and of those that are told to be `ready`.

    Of the latter some may be gone.
    """
    every = {pod.name: pod for pod in (*ready, *pods)}.values()
    objects = [
        *map(pod_object, every),
        *(_service(service, number) for number, service in enumerate(services.values())),
        *(_slice(service, ready) for service in services.values()),
        *(gateway.objects() if gateway else ()),
    ]
    return Registry.from_kubernetes([Document(one) for one in objects])


def pod_object(pod: Pod) -> dict[str, Any]:
    """Return the Pod as a cluster would show it."""
    container = pod.deployment.container
    injected = {TLS_LABEL: "istio"} if pod.proxy else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "labels": {**pod.labels, **injected},
        },
        "spec": {
            "serviceAccountName": pod.deployment.spec.template.spec.service_account_name,
            "containers": [
                {
                    "name": container.name,
                    "ports": [{"name": port.name, "containerPort": port.container_port} for port in container.ports],
                }
            ],
        },
        "status": {"podIP": pod.ip},
    }


def _service(service: Service, number: int) -> dict[str, Any]:
    """Return the service with the address that a cluster would have given it."""
    data = service.model_dump(mode="json", by_alias=True)
    return {**data, "spec": {**data["spec"], "clusterIP": f"10.96.0.{number + 1}"}}


def _slice(service: Service, ready: Iterable[Pod]) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service.metadata.name}-1",
            "namespace": service.metadata.namespace,
            "labels": {"kubernetes.io/service-name": service.metadata.name},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [pod.ip], "conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": pod.name}}
            for pod in ready
            if service.selects(pod.labels)
        ],
        "ports": [{"name": service.port.name, "port": TARGET_PORT, "protocol": "TCP"}],
    }
