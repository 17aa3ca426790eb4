"""One proxy's whole configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from istio.compile.authentication import Authentication
from istio.compile.authorization import Authorization
from istio.compile.clusters import clusters, gateway_clusters
from istio.compile.endpoints import endpoints
from istio.compile.entries import with_entries
from istio.compile.gateway import gateway_listeners, gateway_routes, gateways_of, is_router
from istio.compile.listeners import listeners
from istio.compile.routes import routes
from istio.compile.rules import Rules
from istio.compile.scope import scope
from istio.compile.visibility import visible
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
    """Say what istiod 1.31 would send to a pod's sidecar, or to a gateway's pod when a Gateway picks it.

    With ``mtls`` the mesh speaks mutual TLS as PeerAuthentications and rules say, PERMISSIVE without any: an endpoint
    is called by it when its pod carries the injector's label (``registry.TLS_LABEL``). Without, all is plaintext.
    """
    objects = visible(objects, proxy.namespace)
    registry = with_entries(registry, objects, proxy.namespace)
    rules = Rules(objects, proxy)
    authentication, authorization = Authentication(objects, mtls=mtls), Authorization(objects, proxy)
    gateways = gateways_of(objects, proxy)
    if gateways or is_router(proxy):
        return ProxyConfig(
            clusters=gateway_clusters(registry, rules, authentication),
            routes=gateway_routes(registry, objects, rules, gateways, proxy),
            listeners=gateway_listeners(registry, gateways, authorization, proxy),
            endpoints=endpoints(registry, rules, authentication),
        )
    seen = scope(registry, objects, proxy)
    return ProxyConfig(
        clusters=clusters(registry, seen, rules, authentication, proxy),
        routes=routes(seen, rules, proxy),
        listeners=listeners(registry, seen, rules, authentication, authorization, proxy),
        endpoints=endpoints(seen.reachable, rules, authentication),
    )
