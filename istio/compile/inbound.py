"""The listener that takes every connection to a pod (core/listener_inbound.go, core/filterchain_options.go)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from istio.compile.authentication import Authentication, Mode
from istio.compile.authorization import Authorization
from istio.compile.http import inbound_manager, tcp_proxy
from istio.compile.names import BLACK_HOLE, INBOUND_PASSTHROUGH, inbound_cluster, stats_name
from istio.compile.sockets import PLAIN_HTTP, anywhere, inspector
from istio.compile.tls import server_socket
from istio.registry import Proxy, Registry

INBOUND_PORT = 15006
VIRTUAL_INBOUND = "virtualInbound"
_HTTP = ["istio-http/1.0", "istio-http/1.1", "istio-h2"]
_TCP = ["istio-peer-exchange", "istio"]
_ANY = ["istio", "istio-peer-exchange", *_HTTP]
_TLS = {"transport_protocol": "tls"}
_RAW = {"transport_protocol": "raw_buffer"}


@dataclass(frozen=True, slots=True)
class _Chain:
    """One way in: what a connection must look like, what it carries, and whether mutual TLS is spoken."""

    match: dict[str, Any]
    carries: Literal["http", "tcp"]
    mutual: bool = False


# Ports that a service names as HTTP, and ports that nothing is known of.
_NAMED: dict[Mode, tuple[_Chain, ...]] = {
    "STRICT": (_Chain(_TLS, "http", mutual=True),),
    "PERMISSIVE": (_Chain({"application_protocols": _ANY, **_TLS}, "http", mutual=True), _Chain(_RAW, "http")),
    "DISABLE": (_Chain(_RAW, "http"),),
}
_UNNAMED: dict[Mode, tuple[_Chain, ...]] = {
    "STRICT": (
        _Chain({"application_protocols": _HTTP, **_TLS}, "http", mutual=True),
        _Chain(_TLS, "tcp", mutual=True),
    ),
    "PERMISSIVE": (
        _Chain({"application_protocols": _HTTP, **_TLS}, "http", mutual=True),
        _Chain(PLAIN_HTTP, "http"),
        _Chain({"application_protocols": _TCP, **_TLS}, "tcp", mutual=True),
        _Chain(_RAW, "tcp"),
        _Chain(_TLS, "tcp"),
    ),
    "DISABLE": (_Chain(PLAIN_HTTP, "http"), _Chain(_RAW, "tcp")),
}


def target_ports(registry: Registry, proxy: Proxy) -> dict[int, str]:
    """Return the ports of this pod that services send to, in order, with the protocol of the first."""
    found: dict[int, str] = {}
    for service in registry.services_of(proxy):
        for port in service.ports:
            target = registry.target_port(port, proxy)
            if target is not None:
                found.setdefault(target, port.protocol)
    return dict(sorted(found.items()))


def virtual_inbound(
    registry: Registry, authentication: Authentication, authorization: Authorization, proxy: Proxy
) -> dict[str, Any]:
    """Return the listener, with the chains of every port in the mode that its callers must speak."""
    ports = target_ports(registry, proxy)
    blackhole = {
        "name": "virtualInbound-blackhole",
        "filter_chain_match": {"destination_port": INBOUND_PORT},
        "filters": [tcp_proxy(BLACK_HOLE)],
    }
    chains = [blackhole]
    allowed, allowed_tcp = authorization.http_filters(), authorization.tcp_filters()
    unnamed = [0, *(port for port in authentication.ports(proxy.namespace, proxy.labels) if port not in ports)]
    for port in unnamed:
        mode = authentication.of_port(proxy.namespace, proxy.labels, port)
        manager = inbound_manager(stats_name(INBOUND_PASSTHROUGH), _routes(INBOUND_PASSTHROUGH, port), allowed)
        bytes_on = [*allowed_tcp, tcp_proxy(INBOUND_PASSTHROUGH)]
        for chain in _UNNAMED[mode]:
            is_http = chain.carries == "http"
            name = "virtualInbound-catchall-http" if is_http else VIRTUAL_INBOUND
            chains.append(_chain(name, chain, port, [manager] if is_http else bytes_on))
    for port, protocol in ports.items():
        mode = authentication.of_port(proxy.namespace, proxy.labels, port)
        name = f"0.0.0.0_{port}"
        routes = _routes(inbound_cluster(port), port, retried=protocol != "GRPC")
        manager = inbound_manager(stats_name(f"inbound_{name}"), routes, allowed)
        chains += [_chain(name, chain, port, [manager]) for chain in _NAMED[mode]]
    return {
        "name": VIRTUAL_INBOUND,
        "address": anywhere(INBOUND_PORT),
        "traffic_direction": "INBOUND",
        "max_connections_to_accept_per_socket_event": 1,
        "listener_filters": _inspectors(chains, list(ports)),
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": True,
        "filter_chains": chains,
    }


def _chain(name: str, chain: _Chain, port: int, filters: list[dict[str, Any]]) -> dict[str, Any]:
    match = {**({"destination_port": port} if port else {}), **chain.match}
    socket = {"transport_socket": server_socket()} if chain.mutual else {}
    return {"name": name, "filter_chain_match": match, "filters": filters, **socket}


def _inspectors(chains: list[dict[str, Any]], named: list[int]) -> list[dict[str, Any]]:
    """Look into a connection only as far as the chains ask, and never where a port says what it carries."""
    matches = [chain["filter_chain_match"] for chain in chains]
    found = [inspector("original_dst", "OriginalDst")]
    if any(match.get("transport_protocol") == "tls" for match in matches):
        looks_at_tls = inspector("tls_inspector", "TlsInspector", initial_read_buffer_size=512)
        found.append({**looks_at_tls, "filter_disabled": _range(INBOUND_PORT)})
    if any(match.get("application_protocols") == PLAIN_HTTP["application_protocols"] for match in matches):
        ranges = [_range(port) for port in (*named, INBOUND_PORT)]
        disabled = ranges[0] if len(ranges) == 1 else {"or_match": {"rules": ranges}}
        found.append({**inspector("http_inspector", "HttpInspector"), "filter_disabled": disabled})
    return found


def _range(port: int) -> dict[str, Any]:
    return {"destination_port_range": {"start": port, "end": port + 1}}


def _routes(cluster: str, port: int, *, retried: bool = True) -> dict[str, Any]:
    """To the application, without a timeout; a request that never left is sent again (since 1.24), except for gRPC."""
    action: dict[str, Any] = {
        "cluster": cluster,
        "timeout": "0s",
        "max_stream_duration": {"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"},
    }
    if retried:
        action["retry_policy"] = {"retry_on": "reset-before-request", "num_retries": 2}
    route = {"name": "default", "match": {"prefix": "/"}, "route": action}
    host = {"name": f"inbound|http|{port}", "domains": ["*"], "routes": [route]}
    return {"name": cluster, "validate_clusters": False, "virtual_hosts": [host]}
