"""Gateways and the VirtualServices bound to them -> listeners and routes of a gateway's pod (core/gateway.go)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from istio.compile.authorization import Authorization
from istio.compile.http import gateway_manager
from istio.compile.matches import is_catch_all
from istio.compile.names import matches, qualified, stats_name
from istio.compile.routes import route_configuration, routes_of, virtual_host
from istio.compile.rules import Rules
from istio.compile.sockets import anywhere, inspector
from istio.compile.tls import gateway_socket
from istio.objects.gateway import Gateway, Server
from istio.objects.parse import Objects
from istio.objects.virtual_service import VirtualService
from istio.registry import Proxy, Registry

_Bound: TypeAlias = tuple[Gateway, Server]


@dataclass(slots=True)
class _Host:
    """What is answered for one host: routes, or that it is to be asked by HTTPS."""

    domains: list[str]
    routes: list[dict[str, Any]] = field(default_factory=list)
    redirected: bool = False


def gateways_of(objects: Objects, proxy: Proxy) -> list[Gateway]:
    """Return the Gateways whose selector picks this pod; an empty selector, which would pick every pod, picks none."""
    return [one for one in objects.gateways if one.spec.selector and one.spec.selector.items() <= proxy.labels.items()]


def is_router(proxy: Proxy) -> bool:
    """Whether a pod is a gateway's even before a Gateway picks it: Istio's own charts label it so."""
    return proxy.labels.get("istio") in ("ingressgateway", "egressgateway")


def gateway_listeners(
    registry: Registry, gateways: Sequence[Gateway], authorization: Authorization, proxy: Proxy
) -> dict[str, dict[str, Any]]:
    """Return one listener per port, whatever number of servers is behind it."""
    found = _servers(registry, gateways, proxy)
    return {f"0.0.0.0_{port}": _listener(port, servers, authorization) for port, servers in found.items()}


def gateway_routes(
    registry: Registry, objects: Objects, rules: Rules, gateways: Sequence[Gateway], proxy: Proxy
) -> dict[str, dict[str, Any]]:
    """Return the route configuration of every port."""
    made = {}
    for port, servers in _servers(registry, gateways, proxy).items():
        for name, behind in _by_routes(port, servers).items():
            made[name] = route_configuration(name, _virtual_hosts(registry, objects, rules, behind, proxy))
    return made


def _by_routes(port: int, servers: Sequence[_Bound]) -> dict[str, list[_Bound]]:
    """Return the servers by the routes that they share: all of plain HTTP, and each of HTTPS its own."""
    found: dict[str, list[_Bound]] = {}
    for gateway, server in servers:
        meta, number = gateway.metadata, server.port.number
        own = f"https.{number}.{server.port.name}.{meta.name}.{meta.namespace}"
        found.setdefault(own if server.port.protocol == "HTTPS" else f"http.{port}", []).append((gateway, server))
    return found


def _servers(registry: Registry, gateways: Sequence[Gateway], proxy: Proxy) -> dict[int, list[_Bound]]:
    """Return the servers by the pod's port that the gateway's service sends their number to.

    A server that speaks of TLS, if only of a redirect, is left out when one before it has one of its hosts
    (pilot/pkg/model/gateway.go, CheckDuplicates).
    """
    targets = {
        port.number: registry.target_port(port, proxy)
        for service in registry.services_of(proxy)
        for port in service.ports
    }
    found: dict[int, list[_Bound]] = {}
    taken: dict[int, set[str]] = {}
    for gateway in gateways:
        for server in gateway.spec.servers:
            port = targets.get(server.port.number) or server.port.number
            others = found.get(port, [])
            if others and (others[0][1].port.protocol == "HTTPS") is not (server.port.protocol == "HTTPS"):
                continue  # one port cannot be both
            if server.tls is not None:
                hosts = set(_spelled_out(server, gateway.metadata.namespace))
                if hosts & taken.setdefault(port, set()):
                    continue
                taken[port] |= hosts
            found.setdefault(port, []).append((gateway, server))
    return dict(sorted(found.items()))


def _spelled_out(server: Server, namespace: str) -> list[str]:
    """Return the hosts as istiod keeps them: ``./x`` with its namespace, ``*/x`` as ``x``."""
    if "*/*" in server.hosts:
        return ["*"]
    parts = [text.rpartition("/") for text in server.hosts]
    return [
        host if space in ("", "*") else f"{namespace if space == '.' else space}/{host}" for space, _, host in parts
    ]


def _listener(port: int, servers: Sequence[_Bound], authorization: Authorization) -> dict[str, Any]:
    name = f"0.0.0.0_{port}"
    chains = []
    for routes, behind in _by_routes(port, servers).items():
        manager = gateway_manager(stats_name(f"outbound_{name}"), routes, authorization.http_filters())
        secured = _secured(behind[0][1]) if behind[0][1].port.protocol == "HTTPS" else {}
        chains.append({**secured, "filters": [manager], "transport_socket_connect_timeout": "15s"})
    looks_at_tls = inspector("tls_inspector", "TlsInspector", initial_read_buffer_size=512)
    named = any("filter_chain_match" in one or "transport_socket" in one for one in chains)
    return {
        "name": name,
        "address": anywhere(port),
        "traffic_direction": "OUTBOUND",
        "max_connections_to_accept_per_socket_event": 1,
        **({"listener_filters": [looks_at_tls]} if named else {}),
        "filter_chains": chains,
    }


def _secured(server: Server) -> dict[str, Any]:
    """Return what a handshake must ask for to come to this server, and how the server answers it."""
    names = sorted({host.rpartition("/")[2] for host in server.hosts})
    match = {} if "*" in names else {"filter_chain_match": {"server_names": names}}
    return {**match, "transport_socket": gateway_socket(server.tls)} if server.tls else match


def _virtual_hosts(
    registry: Registry, objects: Objects, rules: Rules, servers: Sequence[_Bound], proxy: Proxy
) -> list[dict[str, Any]]:
    services = {service.hostname: service for service in registry.services}
    hosts: dict[str, _Host] = {}
    number = servers[0][1].port.number
    for gateway, server in servers:
        for one, names in _bound(objects, gateway, server):
            heard = spellings(gateway, one.metadata.namespace)
            made = routes_of(one, services, server.port.number, rules, proxy, heard)
            for name in names if made else ():
                host = hosts.setdefault(name, _Host([name]))
                host.routes += made
                host.redirected |= server.redirects
        # The namespace stays in the name, as in istiod: such a host redirects nobody.
        for name in _spelled_out(server, gateway.metadata.namespace) if server.redirects else ():
            hosts.setdefault(name, _Host([name])).redirected = True
    if not hosts:
        return [{"name": f"blackhole:{number}", "domains": ["*"]}]
    made_hosts = []
    for host in _collapsed([hosts[name] for name in sorted(hosts)]):
        # What takes everything goes behind what takes something: several VirtualServices may share a host.
        host.routes.sort(key=lambda route: is_catch_all(route["match"]))
        redirect = {"require_tls": "ALL"} if host.redirected else {}
        made_hosts.append({**virtual_host(host.domains[0], number, host.domains, host.routes), **redirect})
    return made_hosts


def _collapsed(hosts: Sequence[_Host]) -> list[_Host]:
    """Return one host for those that are answered alike."""
    found: list[_Host] = []
    for host in hosts:
        for other in found:
            if (other.routes, other.redirected) == (host.routes, host.redirected):
                other.domains += host.domains
                break
        else:
            found.append(host)
    return found


def _bound(objects: Objects, gateway: Gateway, server: Server) -> Iterator[tuple[VirtualService, list[str]]]:
    """Return the VirtualServices of a server, each with the hosts that both name: the narrower of two that overlap."""
    for one in objects.virtual_services:
        namespace = one.metadata.namespace
        if not spellings(gateway, namespace) & set(one.spec.gateways):
            continue
        allowed = _hosts_of(server, namespace, gateway.metadata.namespace)
        both: dict[str, None] = {}
        for host in (qualified(each, namespace) for each in one.spec.hosts):
            both |= dict.fromkeys(host for other in allowed if matches(other, host))
            both |= dict.fromkeys(other for other in allowed if other != host and matches(host, other))
        if both:
            yield one, list(both)


def _hosts_of(server: Server, namespace: str, own: str) -> list[str]:
    """Return the hosts that a server of the namespace ``own`` takes for the VirtualServices of a namespace."""
    found = []
    for text in server.hosts:
        space, slash, host = text.rpartition("/")
        if not slash or space in ("*", namespace) or (space == "." and namespace == own):
            found.append(host)
    return found


def spellings(gateway: Gateway, namespace: str) -> frozenset[str]:
    """Return the names under which an object of a namespace may speak of a gateway."""
    meta = gateway.metadata
    full = f"{meta.namespace}/{meta.name}"
    return frozenset({full, meta.name, f"./{meta.name}"} if namespace == meta.namespace else {full})
