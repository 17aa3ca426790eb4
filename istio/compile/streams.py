"""Ports whose bytes are passed on unread -> filter chains of outbound listeners (core/listener.go, core/tls.go)."""

from __future__ import annotations

import ipaddress
from typing import Any

from istio.compile.http import tcp_proxy
from istio.compile.names import outbound_cluster
from istio.compile.rules import Rule
from istio.objects.duration import envoy_duration
from istio.registry import Port, Service

ANYWHERE = "0.0.0.0"  # noqa: S104 - istiod's own; localised later
_TLS = ("TLS", "HTTPS")


def bound_to(service: Service) -> str:
    """Return the address of the listener of a service's stream: its own, or any where it has none, or a whole block."""
    address = _address(service)
    return ANYWHERE if not address or "/" in address else address


def stream_chain(service: Service, port: Port, rule: Rule) -> dict[str, Any]:
    """Return the chain to a service; where the address does not tell the service, a TLS handshake's name does."""
    address, cluster = _address(service), outbound_cluster(port.number, "", service.hostname)
    match: dict[str, Any] = {}
    if port.protocol in _TLS and bound_to(service) == ANYWHERE:
        match["server_names"] = [service.hostname]
    if "/" in address:
        prefix, _, bits = address.partition("/")
        match["prefix_ranges"] = [{"address_prefix": prefix, "prefix_len": int(bits)}]
    chain = {"filters": [tcp_proxy(cluster, **_options(rule))], "transport_socket_connect_timeout": "15s"}
    return {**({"filter_chain_match": match} if match else {}), **chain}


def _address(service: Service) -> str:
    """Return the first address, a block of one as an address; nothing where there is none."""
    given = service.addresses[0] if service.addresses else service.cluster_ip
    if "/" in given:
        block = ipaddress.ip_network(given)
        return str(block.network_address) if block.num_addresses == 1 else given
    return given


def _options(rule: Rule) -> dict[str, Any]:
    """What the rule as a whole says of connections; a port's or a subset's own policy is not asked."""
    policy, made = rule.policy, dict[str, Any]()
    tcp = policy.connection_pool.tcp if policy and policy.connection_pool else None
    if tcp and tcp.idle_timeout is not None:
        made["idle_timeout"] = envoy_duration(tcp.idle_timeout)
    if tcp and tcp.max_connection_duration is not None:
        made["max_downstream_connection_duration"] = envoy_duration(tcp.max_connection_duration)
    hashed = policy.load_balancer.consistent_hash if policy and policy.load_balancer else None
    if hashed and hashed.use_source_ip:
        made["hash_policy"] = [{"source_ip": {}}]
    return made
