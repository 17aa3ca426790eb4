"""Where Prometheus finds the metrics of a local world: its file of targets (`file_sd_configs`)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from k8s.target import Pod, WorldStatus

Labels = dict[str, str]


def targets(status: WorldStatus) -> list[dict[str, Any]]:
    """Name each application's and each sidecar's page of metrics, with the labels that tell worlds and pods apart.

    `exporter` is `app` or `proxy`: both report the same requests under Istio's names, so one of them is read at a time.
    """
    return [
        {
            "targets": [address],
            "labels": {
                "__metrics_path__": path,
                "world": status.name,
                "mode": status.mode,
                "exporter": exporter,
                "service": pod.service,
                "pod": pod.name,
            },
        }
        for pod in status.pods
        for exporter, address, path in _pages(pod)
    ]


def _pages(pod: Pod) -> Iterable[tuple[str, str, str]]:
    yield "app", pod.admin, "/metrics"
    if pod.proxy_admin is not None:
        yield "proxy", pod.proxy_admin, "/stats/prometheus"


def write(statuses: Iterable[WorldStatus], folder: Path) -> None:
    """Write a file for each world, and take away those of worlds that are gone; Prometheus reads them again itself."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = set()
    for status in statuses:
        path = folder / f"{status.name}.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(targets(status), indent=1))
        fresh.rename(path)
        kept.add(path)
    for path in set(folder.glob("*.json")) - kept:
        path.unlink()
