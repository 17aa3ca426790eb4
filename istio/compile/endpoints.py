"""Services -> load assignments (pilot/pkg/xds/endpoints)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from istio.compile.authentication import Authentication
from istio.compile.names import outbound_cluster
from istio.compile.rules import Policy, Rules
from istio.registry import TLS_LABEL, Endpoint, Port, Registry, Service


def endpoints(registry: Registry, rules: Rules, authentication: Authentication) -> dict[str, dict[str, Any]]:
    """Return the endpoints of every cluster that asks for them, by its name; a subset's carry its labels."""
    made: dict[str, dict[str, Any]] = {}
    for service in registry.services:
        rule = rules.of(service)
        for port in service.ports if service.resolution == "EDS" else ():
            for subset, labels, policy in rule.choices(port.number):
                name = outbound_cluster(port.number, subset, service.hostname)
                sent = _sent(chosen(service, port, labels), policy)
                made[name] = load_assignment(name, sent, [_socket(one, service, authentication) for one in sent])
    return made


def chosen(service: Service, port: Port, labels: Mapping[str, str]) -> list[Endpoint]:
    """Return the endpoints of a port that carry these labels."""
    return [one for one in service.endpoints.get(port.name, ()) if labels.items() <= one.labels.items()]


def load_assignment(name: str, endpoints: list[Endpoint], extra: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return the hosts of a cluster, with what else is to be said of each."""
    if not endpoints:
        return {"cluster_name": name}
    hosts = [
        {
            "endpoint": {"address": {"socket_address": {"address": one.ip, "port_value": one.port}}},
            **({} if one.ready is None else {"health_status": "HEALTHY" if one.ready else "UNHEALTHY"}),
            "load_balancing_weight": one.weight,
            **more,
        }
        for one, more in zip(endpoints, extra or [{}] * len(endpoints), strict=True)
    ]
    weight = sum(one.weight for one in endpoints)
    locality = {"locality": {}, "lb_endpoints": hosts, "load_balancing_weight": weight}
    return {"cluster_name": name, "endpoints": [locality]}


def _sent(endpoints: list[Endpoint], policy: Policy) -> list[Endpoint]:
    """Not-ready endpoints are sent as unhealthy (since 1.31), except where panic could bring them back."""
    outlier = policy.outlier_detection
    if outlier is not None and outlier.min_health_percent:
        return [one for one in endpoints if one.ready is not False]
    return endpoints


def speaks_mutual_tls(endpoint: Endpoint) -> bool:
    """Whether there is a sidecar at an endpoint: the injector labels such pods."""
    return endpoint.labels.get(TLS_LABEL) == "istio"


def _socket(endpoint: Endpoint, service: Service, authentication: Authentication) -> dict[str, Any]:
    """Mark an endpoint that mutual TLS can be spoken with: it has a sidecar, and its port does not refuse it."""
    if not speaks_mutual_tls(endpoint):
        return {}
    if authentication.of_port(service.namespace, endpoint.labels, endpoint.port) == "DISABLE":
        return {}
    return {"metadata": {"filter_metadata": {"envoy.transport_socket_match": {"tlsMode": "istio"}}}}
