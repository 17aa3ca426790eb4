"""Services -> load assignments (pilot/pkg/xds/endpoints)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from istio.compile.authentication import Authentication
from istio.compile.names import outbound_cluster
from istio.compile.rules import Policy, Rules
from istio.registry import TLS_LABEL, Endpoint, Registry, Service


def endpoints(registry: Registry, rules: Rules, authentication: Authentication) -> dict[str, dict[str, Any]]:
    """Return the endpoints of every outbound cluster, by its name; a subset's are those that carry its labels."""
    made: dict[str, dict[str, Any]] = {}
    for service in registry.services:
        rule = rules.of(service)
        for port in service.ports:
            all_of_them = service.endpoints.get(port.name, ())
            choices: list[tuple[str, Mapping[str, str], Policy]] = [("", {}, rule.for_port(port.number))]
            choices += [(one.name, one.labels, rule.for_subset(one, port.number)) for one in rule.subsets]
            for subset, labels, policy in choices:
                name = outbound_cluster(port.number, subset, service.hostname)
                chosen = [one for one in all_of_them if labels.items() <= one.labels.items()]
                made[name] = _assignment(name, chosen, policy, service, authentication)
    return made


def _assignment(
    name: str, chosen: list[Endpoint], policy: Policy, service: Service, authentication: Authentication
) -> dict[str, Any]:
    # Not-ready endpoints are sent as unhealthy (since 1.31), except where panic could bring them back.
    outlier = policy.outlier_detection
    if outlier is not None and outlier.min_health_percent:
        chosen = [one for one in chosen if one.ready]
    if not chosen:
        return {"cluster_name": name}
    hosts = [
        {
            "endpoint": {"address": {"socket_address": {"address": one.ip, "port_value": one.port}}},
            "health_status": "HEALTHY" if one.ready else "UNHEALTHY",
            "load_balancing_weight": 1,
            **_socket(one, service, authentication),
        }
        for one in chosen
    ]
    locality = {"locality": {}, "lb_endpoints": hosts, "load_balancing_weight": len(hosts)}
    return {"cluster_name": name, "endpoints": [locality]}


def _socket(endpoint: Endpoint, service: Service, authentication: Authentication) -> dict[str, Any]:
    """Mark an endpoint that mutual TLS can be spoken with: it has a sidecar, and its port does not refuse it."""
    if endpoint.labels.get(TLS_LABEL) != "istio":
        return {}
    if authentication.of_port(service.namespace, endpoint.labels, endpoint.port) == "DISABLE":
        return {}
    return {"metadata": {"filter_metadata": {"envoy.transport_socket_match": {"tlsMode": "istio"}}}}
