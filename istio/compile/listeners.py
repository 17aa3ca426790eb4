"""Listeners of a sidecar: one per outbound port, and the two that catch everything else (core/listener.go)."""

from __future__ import annotations

from typing import Any

from istio.compile.authentication import Authentication
from istio.compile.authorization import Authorization
from istio.compile.http import outbound_manager, tcp_proxy
from istio.compile.inbound import VIRTUAL_INBOUND as VIRTUAL_INBOUND
from istio.compile.inbound import virtual_inbound
from istio.compile.names import BLACK_HOLE, PASSTHROUGH, stats_name
from istio.compile.scope import Scope
from istio.compile.sockets import PLAIN_HTTP, anywhere, inspector
from istio.registry import Proxy, Registry

OUTBOUND_PORT = 15001
VIRTUAL_OUTBOUND = "virtualOutbound"


def listeners(
    registry: Registry, scope: Scope, authentication: Authentication, authorization: Authorization, proxy: Proxy
) -> dict[str, dict[str, Any]]:
    """Every listener of a sidecar, by name."""
    ports = sorted({port.number for service in scope.routed.services for port in service.ports})
    unknown = PASSTHROUGH if scope.passes else BLACK_HOLE
    made = [_virtual_outbound(unknown), virtual_inbound(registry, authentication, authorization, proxy)]
    made += [_outbound(port, unknown) for port in ports]
    return {listener["name"]: listener for listener in made}


def outbound_name(port: int) -> str:
    """Return the name of the listener of an outbound HTTP port."""
    return f"0.0.0.0_{port}"


def _outbound(port: int, unknown: str) -> dict[str, Any]:
    name = outbound_name(port)
    return {
        "name": name,
        "address": anywhere(port),
        "bind_to_port": False,
        "traffic_direction": "OUTBOUND",
        "listener_filters": [inspector("http_inspector", "HttpInspector")],
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": True,
        "filter_chains": [
            {
                "filter_chain_match": PLAIN_HTTP,
                "filters": [outbound_manager(stats_name(f"outbound_{name}"), str(port))],
                "transport_socket_connect_timeout": "15s",
            }
        ],
        "default_filter_chain": {
            "name": "PassthroughFilterChain",
            "filter_chain_match": {},
            "filters": [tcp_proxy(unknown)],
        },
    }


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
