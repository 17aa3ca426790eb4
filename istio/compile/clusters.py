"""Services and DestinationRules -> clusters (core/cluster.go, core/cluster_builder.go)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from istio.compile.authentication import Authentication
from istio.compile.balancer import load_balancer, passes_through
from istio.compile.endpoints import chosen, load_assignment, speaks_mutual_tls
from istio.compile.names import (
    BLACK_HOLE,
    INBOUND_PASSTHROUGH,
    PASSTHROUGH,
    inbound_cluster,
    outbound_cluster,
    stats_name,
)
from istio.compile.outlier import outlier_detection
from istio.compile.pool import HTTP_OPTIONS, connection_pool
from istio.compile.rules import Policy, Rules
from istio.compile.scope import Scope
from istio.compile.tls import automatic, client_socket
from istio.registry import Endpoint, Port, Proxy, Registry, Service

_FOREVER = "9223372035s"
_LOOPBACK_SOURCE = {"source_address": {"address": "127.0.0.6", "port_value": 0}}


def clusters(
    registry: Registry, scope: Scope, rules: Rules, authentication: Authentication, proxy: Proxy
) -> dict[str, dict[str, Any]]:
    """Every cluster of a sidecar, by name."""
    made = [
        _black_hole(),
        _passthrough(PASSTHROUGH),
        {**_passthrough(INBOUND_PASSTHROUGH), "upstream_bind_config": _LOOPBACK_SOURCE},
        *_inbound(registry, scope, rules, proxy),
        *_outbound_clusters(scope.reachable, rules, authentication),
    ]
    return {cluster["name"]: cluster for cluster in made}


def gateway_clusters(registry: Registry, rules: Rules, authentication: Authentication) -> dict[str, dict[str, Any]]:
    """Every cluster of a gateway, by name: it has no application, and passes on nothing that it does not know."""
    made = [_black_hole(), *_outbound_clusters(registry, rules, authentication)]
    return {cluster["name"]: cluster for cluster in made}


def _outbound_clusters(registry: Registry, rules: Rules, authentication: Authentication) -> Iterator[dict[str, Any]]:
    for service in registry.services:
        rule = rules.of(service)
        for port in service.ports:
            original = passes_through(rule.for_port(port.number).load_balancer)
            for subset, labels, policy in rule.choices(port.number):
                name = outbound_cluster(port.number, subset, service.hostname)
                cluster = _outbound(name, service, port, policy, chosen(service, port, labels), original=original)
                unsorted = passes_through(rule.balancer_of(subset))
                yield {**cluster, **_sockets(cluster, service, port, subset, policy, authentication, unsorted=unsorted)}


def _outbound(
    name: str, service: Service, port: Port, policy: Policy, hosts: list[Endpoint], *, original: bool
) -> dict[str, Any]:
    cluster: dict[str, Any] = {
        "name": name,
        "alt_stat_name": stats_name(name),
        **_discovery(name, service, hosts),
        **connection_pool(policy, http2=port.protocol in ("HTTP2", "GRPC")),
        **load_balancer(policy.load_balancer, original=original),
        # Since 1.31 an outbound cluster never panics, unless minHealthPercent says so.
        "common_lb_config": {"healthy_panic_threshold": {}},
        "metadata": _metadata([service]),
    }
    if cluster["type"] == "ORIGINAL_DST":
        cluster.pop("eds_cluster_config", None)
        cluster.pop("load_assignment", None)
    if policy.outlier_detection is not None:
        cluster["outlier_detection"] = outlier_detection(policy.outlier_detection)
        if policy.outlier_detection.min_health_percent:
            threshold = {"value": policy.outlier_detection.min_health_percent}
            cluster["common_lb_config"] = {"healthy_panic_threshold": threshold}
    return cluster


def _discovery(name: str, service: Service, hosts: list[Endpoint]) -> dict[str, Any]:
    """Say where a cluster's hosts come from: by discovery, or names that Envoy resolves itself."""
    if service.resolution == "EDS":
        source = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
        return {"type": "EDS", "eds_cluster_config": {"eds_config": source, "service_name": name}}
    return {
        "type": service.resolution,
        "dns_lookup_family": "V4_ONLY",
        "dns_refresh_rate": "60s",
        "dns_jitter": "0.100s",
        "respect_dns_ttl": True,
        "load_assignment": load_assignment(name, hosts),
    }


def _sockets(
    cluster: dict[str, Any],
    service: Service,
    port: Port,
    subset: str,
    policy: Policy,
    authentication: Authentication,
    *,
    unsorted: bool,
) -> dict[str, Any]:
    """Say how connections are secured: as the rule says, else by mutual TLS where the service's namespace takes it.

    `unsorted`: the rule passes requests through to whatever address they were sent to.
    """
    http2 = _is_http2(cluster)
    if policy.tls is not None:
        # With mutual TLS switched off in the whole mesh, the mesh has no certificates to speak it with.
        if policy.tls.mode == "ISTIO_MUTUAL" and not authentication.mtls:
            return {}
        return client_socket(policy.tls, service, port.number, subset, http2=http2)
    if service.external or authentication.of_namespace(service.namespace) == "DISABLE":
        return {}
    if unsorted and not all(speaks_mutual_tls(one) for one in service.endpoints.get(port.name, ())):
        return {}  # nothing tells a host with a sidecar from one without, so none is called by mutual TLS
    sockets = automatic(service, port.number, subset, http2=http2)
    if cluster["type"] == "ORIGINAL_DST":  # there are no endpoints to choose a socket by
        return {"transport_socket": sockets["transport_socket_matches"][0]["transport_socket"]}
    return sockets


def _is_http2(cluster: dict[str, Any]) -> bool:
    options = cluster.get("typed_extension_protocol_options", {}).get(HTTP_OPTIONS, {})
    return "http2_protocol_options" in options.get("explicit_http_config", {})


def _inbound(registry: Registry, scope: Scope, rules: Rules, proxy: Proxy) -> list[dict[str, Any]]:
    """One cluster per target port; of its service's rule it takes the connection pool and the retry budget only."""
    services: dict[int, list[tuple[Service, Port]]] = {}
    for service in registry.services_of(proxy):
        for port in service.ports:
            target = registry.target_port(port, proxy)
            if target is not None:
                services.setdefault(target, []).append((service, port))
    made = []
    for target, behind in sorted(services.items()):
        service, port = behind[0]
        policy = rules.of(service).for_port(port.number)
        name = inbound_cluster(target)
        made.append(
            {
                "name": name,
                "alt_stat_name": stats_name(name),
                "type": "ORIGINAL_DST",
                "lb_policy": "CLUSTER_PROVIDED",
                "cleanup_interval": _FOREVER,
                "common_lb_config": {},
                **connection_pool(
                    Policy(
                        connection_pool=scope.inbound_pool or policy.connection_pool, retry_budget=policy.retry_budget
                    ),
                    http2=port.protocol in ("HTTP2", "GRPC"),
                    inbound=True,
                ),
                "upstream_bind_config": _LOOPBACK_SOURCE,
                "metadata": _metadata([one for one, _ in behind]),
            }
        )
    return made


def _black_hole() -> dict[str, Any]:
    return {
        "name": BLACK_HOLE,
        "alt_stat_name": stats_name(BLACK_HOLE),
        "type": "STATIC",
        "connect_timeout": "10s",
    }


def _passthrough(name: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": name,
        "alt_stat_name": stats_name(PASSTHROUGH),
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        **connection_pool(Policy()),
        "typed_extension_protocol_options": {
            HTTP_OPTIONS: {
                "@type": f"type.googleapis.com/{HTTP_OPTIONS}",
                "common_http_protocol_options": {"idle_timeout": "300s"},
                "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}},
            }
        },
    }
    return made


def _metadata(services: list[Service]) -> dict[str, Any]:
    listed = [{"host": one.hostname, "name": one.name, "namespace": one.namespace} for one in services]
    return {"filter_metadata": {"istio": {"services": listed}}}
