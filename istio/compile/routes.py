"""Services and VirtualServices -> route configurations, one per port (core/httproute.go)."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from istio.compile.actions import Actions, default_action
from istio.compile.matches import is_catch_all, route_match, speaks_to
from istio.compile.names import MESH, PASSTHROUGH, matches, qualified
from istio.compile.rules import Rules
from istio.compile.scope import Scope
from istio.objects.virtual_service import HttpRoute, Match, VirtualService
from istio.registry import DOMAIN, Proxy, Registry, Service

_MEBIBYTE = 1048576
_UNKNOWN_HOSTS_PORT = 80
"""Hosts that no service stands for are only routed on this port."""


def routes(scope: Scope, rules: Rules, proxy: Proxy) -> dict[str, dict[str, Any]]:
    """Return the route configuration of every port that a service has HTTP on, by the port's number as text."""
    ports = sorted({port.number for service in scope.routed.services for port in service.ports if port.is_http})
    return {str(port): route_configuration(str(port), _virtual_hosts(port, scope, rules, proxy)) for port in ports}


def route_configuration(name: str, hosts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a route configuration with istiod's settings."""
    return {
        "name": name,
        "validate_clusters": False,
        "ignore_port_in_host_matching": True,
        "max_direct_response_body_size_bytes": _MEBIBYTE,
        "virtual_hosts": hosts,
    }


def _virtual_hosts(port: int, scope: Scope, rules: Rules, proxy: Proxy) -> list[dict[str, Any]]:
    registry = scope.routed
    services = {
        service.hostname: service
        for service in registry.services
        if (at := service.port(port)) is not None and at.is_http
    }
    reachable = {service.hostname: service for service in scope.reachable.services if service.port(port)}
    everywhere = {service.hostname: service for service in scope.reachable.services}
    hosts: dict[str, dict[str, Any]] = {}
    spoken_for = _spoken_for(scope.virtual_services, scope.routed)
    for virtual_service in scope.virtual_services:
        known, unknown = _hosts(virtual_service, services, spoken_for)
        if not known and port != _UNKNOWN_HOSTS_PORT:
            continue
        made = routes_of(virtual_service, reachable, port, rules, proxy, everywhere=everywhere)
        if not made:
            continue
        for hostname in known:
            # The first VirtualService of a host speaks alone; a later one is dropped.
            hosts.setdefault(hostname, virtual_host(hostname, port, _domains(services[hostname], proxy), made))
        for hostname in unknown:
            hosts.setdefault(hostname, virtual_host(hostname, port, [hostname], made))
    for hostname, service in services.items():
        if hostname not in hosts:
            action = default_action(service, port, rules.of(service).hash_at(port))
            route = {"name": "default", "match": {"prefix": "/"}, "route": action}
            hosts[hostname] = virtual_host(hostname, port, _domains(service, proxy), [route])
    return [*_unambiguous([hosts[name] for name in sorted(hosts)]), _allow_any() if scope.passes else _block_all()]


def _unambiguous(hosts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave a domain to one host: to the one whose own name it is, else to the first (dedupeDomains)."""
    own = {host["domains"][0] for host in hosts}
    seen: set[str] = set()
    made = []
    for host in hosts:
        first, *others = host["domains"]
        kept = [first, *(one for one in dict.fromkeys(others) if one not in seen and one not in own)]
        seen.update(kept)
        made.append({**host, "domains": kept})
    return made


def _spoken_for(virtual_services: Sequence[VirtualService], registry: Registry) -> dict[str, VirtualService]:
    """Return the VirtualService whose host names each service most closely: itself, else by the longest wildcard."""
    exact: dict[str, VirtualService] = {}
    wildcards: dict[str, VirtualService] = {}
    for one in virtual_services:
        for host in one.spec.hosts:
            hostname = qualified(host, one.metadata.namespace)
            (wildcards if hostname.startswith("*") else exact).setdefault(hostname, one)
    found: dict[str, VirtualService] = {}
    for service in registry.services:
        name = service.hostname
        covering = [host for host in wildcards if matches(host, name)]
        if name in exact:
            found[name] = exact[name]
        elif covering:
            found[name] = wildcards[max(covering, key=len)]
    return found


def _hosts(
    virtual_service: VirtualService, services: dict[str, Service], spoken_for: dict[str, VirtualService]
) -> tuple[list[str], list[str]]:
    """Sort a VirtualService's hosts: services on this port, and names that are none.

    A wildcard means the services that nobody names more closely.
    """
    known: list[str] = []
    unknown: list[str] = []
    for host in virtual_service.spec.hosts:
        hostname = qualified(host, virtual_service.metadata.namespace)
        if hostname.startswith("*"):
            covered = [name for name in services if matches(hostname, name)]
            known.extend(name for name in covered if spoken_for.get(name) is virtual_service)
        else:
            covered = [hostname] if hostname in services else []
            known.extend(covered)
        if not covered:
            unknown.append(hostname)
    return known, unknown


def routes_of(
    virtual_service: VirtualService,
    services: dict[str, Service],
    port: int,
    rules: Rules,
    proxy: Proxy,
    heard: Set[str] = frozenset({MESH}),
    everywhere: dict[str, Service] | None = None,
) -> list[dict[str, Any]]:
    """One route per match, in order, up to the first that leaves nothing for those behind it.

    ``services`` are those on this port, ``everywhere`` those on any (None: the same). ``heard`` are the names under
    which a match may mean this proxy: ``mesh`` for a sidecar.
    """
    actions = Actions(rules, services, everywhere or services, port, virtual_service.metadata.namespace)
    made: list[dict[str, Any]] = []
    for http in virtual_service.spec.http:
        for match in http.match or (None,):
            if match is not None and not speaks_to(match, proxy, port, heard):
                continue
            made.append(_route(virtual_service, http, match, actions))
            if is_catch_all(made[-1]["match"]):
                return made
    return made


def _route(virtual_service: VirtualService, http: HttpRoute, match: Match | None, actions: Actions) -> dict[str, Any]:
    meta = virtual_service.metadata
    config = f"/apis/{virtual_service.api_version}/namespaces/{meta.namespace}/virtual-service/{meta.name}"
    out: dict[str, Any] = {"match": route_match(match), "metadata": {"filter_metadata": {"istio": {"config": config}}}}
    name = f"{http.name}.{match.name}" if match and match.name else http.name
    if name:
        out["name"] = name
    return {**out, **actions.route(http)}


def virtual_host(hostname: str, port: int, domains: list[str], made: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the routes of a host under its domains."""
    return {
        "name": f"{hostname}:{port}",
        "domains": domains,
        "include_request_attempt_count": True,
        "routes": made,
    }


def _domains(service: Service, proxy: Proxy) -> list[str]:
    """Every way in which a client of this namespace may write a service's host."""
    if service.host:
        return [service.host, f"{service.host}.", *service.addresses[-1:]]  # of several addresses istiod keeps one
    within = f"{service.name}.{service.namespace}"
    short = [service.name] if service.namespace == proxy.namespace else []
    full = f"{within}.svc.{DOMAIN}"
    return [full, f"{full}.", *short, f"{within}.svc", within, service.cluster_ip]


def _allow_any() -> dict[str, Any]:
    action = {"cluster": PASSTHROUGH, "timeout": "0s", "max_grpc_timeout": "0s"}
    route = {"name": "allow_any", "match": {"prefix": "/"}, "route": action}
    return {"name": "allow_any", "domains": ["*"], "include_request_attempt_count": True, "routes": [route]}


def _block_all() -> dict[str, Any]:
    route = {"name": "block_all", "match": {"prefix": "/"}, "direct_response": {"status": 502}}
    return {"name": "block_all", "domains": ["*"], "include_request_attempt_count": True, "routes": [route]}
