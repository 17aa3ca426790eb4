"""Listeners of a sidecar: those of outbound ports, and the two that catch everything else (core/listener.go)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from istio.compile.authentication import Authentication
from istio.compile.authorization import Authorization
from istio.compile.http import outbound_manager, tcp_proxy
from istio.compile.inbound import VIRTUAL_INBOUND as VIRTUAL_INBOUND
from istio.compile.inbound import virtual_inbound
from istio.compile.names import BLACK_HOLE, PASSTHROUGH, stats_name
from istio.compile.rules import Rules
from istio.compile.scope import Scope
from istio.compile.sockets import PLAIN_HTTP, anywhere, inspector
from istio.compile.streams import ANYWHERE, Streams, bound_to
from istio.registry import Proxy, Registry, Service

OUTBOUND_PORT = 15001
VIRTUAL_OUTBOUND = "virtualOutbound"


def listeners(
    registry: Registry,
    scope: Scope,
    rules: Rules,
    authentication: Authentication,
    authorization: Authorization,
    proxy: Proxy,
) -> dict[str, dict[str, Any]]:
    """Every listener of a sidecar, by name."""
    unknown = PASSTHROUGH if scope.passes else BLACK_HOLE
    made = [_virtual_outbound(unknown), virtual_inbound(registry, authentication, authorization, proxy)]
    made += [
        _outbound(*at, chains, unknown) for at, chains in sorted(_chains(scope, Streams(scope, rules, proxy)).items())
    ]
    return {listener["name"]: listener for listener in made}


def outbound_name(port: int, address: str = ANYWHERE) -> str:
    """Return the name of the listener of an outbound port; all of HTTP on one port share one."""
    return f"{address}_{port}"


def _chains(scope: Scope, streams: Streams) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Return the chains of every outbound listener, by address and port; of two with one match the first stays."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for service in _by_address(sorted(scope.routed.services, key=lambda one: one.rank)):
        for port in service.ports:
            at = (ANYWHERE if port.is_http else bound_to(service), port.number)
            chains = found.setdefault(at, [])
            for chain in [_http(port.number)] if port.is_http else streams.chains(service, port):
                if all(one.get("filter_chain_match") != chain.get("filter_chain_match") for one in chains):
                    chains.append(chain)
    return found


def _by_address(services: Iterable[Service]) -> Iterator[Service]:
    """Return a service with several addresses as one for each of them."""
    for one in services:
        yield from [replace(one, addresses=(address,)) for address in one.addresses] or [one]


def _http(port: int) -> dict[str, Any]:
    manager = outbound_manager(stats_name(f"outbound_{outbound_name(port)}"), str(port))
    return {
        "filter_chain_match": PLAIN_HTTP,
        "filters": [manager],
        "transport_socket_connect_timeout": "15s",
    }


def _outbound(address: str, port: int, chains: list[dict[str, Any]], unknown: str) -> dict[str, Any]:
    matches = [one.get("filter_chain_match", {}) for one in chains]
    inspectors = []
    if any("server_names" in match for match in matches):
        inspectors.append(inspector("tls_inspector", "TlsInspector", initial_read_buffer_size=512))
    if PLAIN_HTTP in matches:
        inspectors.append(inspector("http_inspector", "HttpInspector"))
    return {
        "name": outbound_name(port, address),
        "address": {"socket_address": {"address": address, "port_value": port}},
        "bind_to_port": False,
        "traffic_direction": "OUTBOUND",
        "listener_filters": inspectors,
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": True,
        **_with_default(chains, unknown),
    }


def _with_default(chains: list[dict[str, Any]], unknown: str) -> dict[str, Any]:
    """Put what takes everything last: a chain without a match, else what is done with addresses that nobody knows."""
    matching = [one for one in chains if "filter_chain_match" in one]
    others = [one for one in chains if "filter_chain_match" not in one]
    if others and not matching:
        return {"filter_chains": others}
    passed = {"name": "PassthroughFilterChain", "filter_chain_match": {}, "filters": [tcp_proxy(unknown)]}
    return {"filter_chains": matching, "default_filter_chain": others[0] if others else passed}


def _virtual_outbound(unknown: str) -> dict[str, Any]:
    return {
        "name": VIRTUAL_OUTBOUND,
        "address": anywhere(OUTBOUND_PORT),
        "use_original_dst": True,
        "traffic_direction": "OUTBOUND",
        "max_connections_to_accept_per_socket_event": 1,
        "filter_chains": [
            {
                "name": "virtualOutbound-blackhole",
                "filter_chain_match": {"destination_port": OUTBOUND_PORT},
                "filters": [tcp_proxy(BLACK_HOLE)],
            },
            {"name": "virtualOutbound-catchall-tcp", "filters": [tcp_proxy(unknown)]},
        ],
    }
