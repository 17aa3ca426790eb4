"""The worlds that oracles are tried in: policies with one effect each, so that arithmetic can tell what comes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from k8s.render import render
from k8s.target import Document, Rendered

TRIES = 3
"""Of each call where there are retries."""
STACKED = TRIES**2
"""Of each call where a library tries, and the sidecar tries each of its tries."""


@dataclass(frozen=True, slots=True)
class Ground:
    """One world. `objects`: its Istio objects, which a library's policies are derived from.

    `env`: variables by deployment, as `k8s.render` takes them.
    """

    name: str
    mode: str
    objects: tuple[Document, ...] = ()
    env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def rendered(self) -> Rendered:
        """The world before it runs. Raises TargetError."""
        with tempfile.TemporaryDirectory(prefix="goaround-oracle-") as folder:
            Path(folder, "policies.yaml").write_text(yaml.safe_dump_all(self.objects))
            return render(self.mode, folder if self.objects else None, {"env": dict(self.env)})


def service(host: str, **http: Any) -> Document:
    """A VirtualService of one rule, to the host itself."""
    return _object(
        "VirtualService", host, {"hosts": [host], "http": [{"route": [{"destination": {"host": host}}], **http}]}
    )


def rule(host: str, **spec: Any) -> Document:
    """A DestinationRule."""
    return _object("DestinationRule", host, {"host": host, **spec})


def retries(attempts: int) -> dict[str, Any]:
    """Try again on every 5xx; 0 for never, where Istio would by itself."""
    return {"attempts": attempts, "retryOn": "5xx"} if attempts else {"attempts": 0}


def _object(kind: str, host: str, spec: dict[str, Any]) -> Document:
    metadata = {"name": host, "namespace": "airport"}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


RETRIED = tuple(
    service(host, retries=retries(TRIES - 1)) for host in ("image-analysis", "face-recognition", "alerts", "momentum")
)
"""Every call of a chain is tried TRIES times, with no timeout, breaker or limit in the way."""

PLAIN = Ground("none", "none")
SIDECAR = Ground("sidecar", "sidecar")
LIBRARY = Ground("library", "library", RETRIED)
ENDPOINTS = Ground("library-endpoints", "library-endpoints", RETRIED)
MESH = Ground("mesh", "mesh", RETRIED)
BOTH = Ground("both", "both", RETRIED)
