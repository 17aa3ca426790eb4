"""Endpoints that follow readiness, in the file that each application reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from k8s.local.models import Service
from k8s.local.pod import Pod
from k8s.local.ports import HOST


def publish(services: Mapping[str, Service], pods: Iterable[Pod]) -> None:
    """Write every pod's discovery file whose content changed.

    Without a sidecar it lists the ready replicas of each service; with one, everything goes to the pod's own sidecar.
    """
    every = list(pods)
    plain = {"services": endpoints(services, every), "proxy": {}}
    ports = sorted({str(service.port.port) for service in services.values()})
    for pod in every:
        content = {"services": {}, "proxy": {port: [HOST, pod.place.ports.outbound] for port in ports}}
        replace(pod.discovery_file, content if pod.proxy else plain)


def endpoints(services: Mapping[str, Service], pods: Iterable[Pod]) -> dict[str, list[list[str | int]]]:
    """List the ready replicas by `NAME:PORT`; a service without any is there with an empty list."""
    ready = [pod for pod in pods if pod.ready]
    return {
        f"{name}:{service.port.port}": [[HOST, pod.entry_port] for pod in ready if service.selects(pod.labels)]
        for name, service in services.items()
    }


def replace(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file by rename, so that no reader ever sees half of it; nothing happens when it says so already."""
    text = json.dumps(content)
    if path.exists() and path.read_text() == text:
        return
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)
