"""Listeners of a sidecar: one per outbound port, and the two that catch everything else (core/listener.go)."""

from __future__ import annotations

from typing import Any

from istio.compile.http import inbound_manager, outbound_manager, tcp_proxy
from istio.compile.names import BLACK_HOLE, INBOUND_PASSTHROUGH, PASSTHROUGH, inbound_cluster, stats_name
from istio.registry import Proxy, Registry

OUTBOUND_PORT, INBOUND_PORT = 15001, 15006
VIRTUAL_OUTBOUND, VIRTUAL_INBOUND = "virtualOutbound", "virtualInbound"
_PLAIN_HTTP = {"application_protocols": ["http/1.1", "h2c"], "transport_protocol": "raw_buffer"}
_LISTENER_FILTER = "type.googleapis.com/envoy.extensions.filters.listener"


def listeners(registry: Registry, proxy: Proxy) -> dict[str, dict[str, Any]]:
    """Every listener of a sidecar, by name."""
    ports = sorted({port.number for service in registry.services for port in service.ports})
    made = [_virtual_outbound(), _virtual_inbound(registry, proxy), *map(_outbound, ports)]
    return {listener["name"]: listener for listener in made}


def outbound_name(port: int) -> str:
    """Return the name of the listener of an outbound HTTP port."""
    return f"0.0.0.0_{port}"


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "0.0.0.0", "port_value": port}}  # noqa: S104 - istiod's own; localised later


def _outbound(port: int) -> dict[str, Any]:
    name = outbound_name(port)
    return {
        "name": name,
        "address": _address(port),
        "bind_to_port": False,
        "traffic_direction": "OUTBOUND",
        "listener_filters": [_inspector("http_inspector", "HttpInspector")],
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": True,
        "filter_chains": [
            {
                "filter_chain_match": _PLAIN_HTTP,
                "filters": [outbound_manager(stats_name(f"outbound_{name}"), str(port))],
                "transport_socket_connect_timeout": "15s",
            }
        ],
        "default_filter_chain": {
            "name": "PassthroughFilterChain",
            "filter_chain_match": {},
            "filters": [tcp_proxy(PASSTHROUGH)],
        },
    }


def _virtual_outbound() -> dict[str, Any]:
    return {
        "name": VIRTUAL_OUTBOUND,
        "address": _address(OUTBOUND_PORT),
        "use_original_dst": True,
        "traffic_direction": "OUTBOUND",
        "max_connections_to_accept_per_socket_event": 1,
        "filter_chains": [
            {
                "name": "virtualOutbound-blackhole",
                "filter_chain_match": {"destination_port": OUTBOUND_PORT},
                "filters": [tcp_proxy(BLACK_HOLE)],
            },
            {"name": "virtualOutbound-catchall-tcp", "filters": [tcp_proxy(PASSTHROUGH)]},
        ],
    }


def _virtual_inbound(registry: Registry, proxy: Proxy) -> dict[str, Any]:
    targets = sorted(
        {
            target
            for service in registry.services_of(proxy)
            for port in service.ports
            if (target := registry.target_port(port, proxy)) is not None
        }
    )
    passthrough = inbound_manager(stats_name(INBOUND_PASSTHROUGH), _inbound_routes(INBOUND_PASSTHROUGH, 0))
    chains: list[dict[str, Any]] = [
        {
            "name": "virtualInbound-blackhole",
            "filter_chain_match": {"destination_port": INBOUND_PORT},
            "filters": [tcp_proxy(BLACK_HOLE)],
        },
        {"name": "virtualInbound-catchall-http", "filter_chain_match": _PLAIN_HTTP, "filters": [passthrough]},
        {
            "name": "virtualInbound",
            "filter_chain_match": {"transport_protocol": "raw_buffer"},
            "filters": [tcp_proxy(INBOUND_PASSTHROUGH)],
        },
    ]
    for target in targets:
        name = outbound_name(target)
        manager = inbound_manager(stats_name(f"inbound_{name}"), _inbound_routes(inbound_cluster(target), target))
        match = {"destination_port": target, "transport_protocol": "raw_buffer"}
        chains.append({"name": name, "filter_chain_match": match, "filters": [manager]})
    return {
        "name": VIRTUAL_INBOUND,
        "address": _address(INBOUND_PORT),
        "traffic_direction": "INBOUND",
        "max_connections_to_accept_per_socket_event": 1,
        "listener_filters": [
            _inspector("original_dst", "OriginalDst"),
            _inspector("http_inspector", "HttpInspector"),
        ],
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": True,
        "filter_chains": chains,
    }


def _inspector(name: str, message: str) -> dict[str, Any]:
    return {
        "name": f"envoy.filters.listener.{name}",
        "typed_config": {"@type": f"{_LISTENER_FILTER}.{name}.v3.{message}"},
    }


def _inbound_routes(cluster: str, port: int) -> dict[str, Any]:
    """To the application, without a timeout; a request that never left is sent again (since 1.24)."""
    action = {
        "cluster": cluster,
        "timeout": "0s",
        "max_stream_duration": {"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"},
        "retry_policy": {"retry_on": "reset-before-request", "num_retries": 2},
    }
    route = {"name": "default", "match": {"prefix": "/"}, "route": action}
    host = {"name": f"inbound|http|{port}", "domains": ["*"], "routes": [route]}
    return {"name": cluster, "validate_clusters": False, "virtual_hosts": [host]}
