"""The worlds that oracles are tried in: policies with one effect each, so that arithmetic can tell what comes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from k8s.render import render
from k8s.target import Document, Rendered

TRIES = 3
"""Of each call where there are retries."""
NEW = "v2"
"""The version of a canary."""


@dataclass(frozen=True, slots=True)
class Ground:
    """One world. `objects`: its Istio objects, which a library's policies are derived from.

    `env`: variables by deployment, as `k8s.render` takes them. `canary`: a service of which one replica of version NEW
    runs beside the others.
    """

    name: str
    mode: str
    objects: tuple[Document, ...] = ()
    env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    canary: str | None = None

    def rendered(self) -> Rendered:
        """The world before it runs. Raises TargetError."""
        with tempfile.TemporaryDirectory(prefix="goaround-oracle-") as folder:
            Path(folder, "policies.yaml").write_text(yaml.safe_dump_all(self.objects))
            policies = folder if self.objects else None
            made = render(self.mode, policies, {"env": dict(self.env)})
        return replace(made, objects=[_released(one) if self._new(one) else one for one in made.objects])

    def _new(self, one: Document) -> bool:
        return bool(one["kind"] == "Deployment" and self.canary and one["metadata"]["name"] == f"{self.canary}-{NEW}")


def _released(deployment: Document) -> Document:
    """The same deployment with one replica."""
    return {**deployment, "spec": {**deployment["spec"], "replicas": 1}}


def service(host: str, *routes: Mapping[str, Any], **http: Any) -> Document:
    """A VirtualService of one rule; to the host itself when no routes are given."""
    to = [dict(route) for route in routes] or [{"destination": {"host": host}}]
    return _object("VirtualService", host, {"hosts": [host], "http": [{"route": to, **http}]})


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
LIBRARY = Ground("library", "library", RETRIED)
MESH = Ground("mesh", "mesh", RETRIED)
