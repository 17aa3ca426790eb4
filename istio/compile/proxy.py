"""One proxy's whole configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from istio.compile.authentication import Authentication
from istio.compile.clusters import clusters
from istio.compile.endpoints import endpoints
from istio.compile.listeners import listeners
from istio.compile.routes import routes
from istio.compile.rules import Rules
from istio.objects.parse import Objects
from istio.registry import Proxy, Registry

Resources: TypeAlias = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """Envoy's resources by name, each a dict in Envoy's JSON with snake_case fields."""

    clusters: Resources
    routes: Resources
    listeners: Resources
    endpoints: Resources


def compile_proxy(registry: Registry, objects: Objects, proxy: Proxy, *, mtls: bool = False) -> ProxyConfig:
    """Say what istiod 1.31 would send to a pod's sidecar.

    With ``mtls`` the mesh speaks mutual TLS as PeerAuthentications and rules say, PERMISSIVE without any: an endpoint
    is called by it when its pod carries the injector's label (``registry.TLS_LABEL``). Without, all is plaintext.
    """
    rules = Rules(objects, proxy)
    authentication = Authentication(objects, mtls=mtls)
    return ProxyConfig(
        clusters=clusters(registry, rules, authentication, proxy),
        routes=routes(registry, objects, rules, proxy),
        listeners=listeners(registry, authentication, proxy),
        endpoints=endpoints(registry, rules, authentication),
    )
