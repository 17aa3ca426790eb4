"""Ports whose bytes are passed on unread -> filter chains of outbound listeners (core/listener.go, core/tls.go)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from istio.compile.http import tcp_proxy
from istio.compile.names import in_mesh, matches, outbound_cluster, qualified
from istio.compile.rules import Rule, Rules
from istio.compile.scope import Scope
from istio.objects.duration import envoy_duration
from istio.objects.route_actions import Destination
from istio.objects.stream_routes import StreamDestination, StreamMatch
from istio.objects.virtual_service import VirtualService
from istio.registry import Port, Proxy, Service

Chain: TypeAlias = dict[str, Any]
Filters: TypeAlias = list[dict[str, Any]]
Part: TypeAlias = tuple[dict[str, Any], Filters]

ANYWHERE = "0.0.0.0"  # noqa: S104 - istiod's own; localised later
_TLS = ("TLS", "HTTPS")


def bound_to(service: Service) -> str:
    """Return the address of the listener of a service's stream: its own, or any where it has none, or a whole block."""
    address = _address(service)
    return ANYWHERE if not address or "/" in address else address


class Streams:
    """Chains to services that are no HTTP, as one proxy has them: where a VirtualService says, else to the service."""

    def __init__(self, scope: Scope, rules: Rules, proxy: Proxy) -> None:
        self._virtual_services, self._rules, self._proxy = scope.virtual_services, rules, proxy
        self._services = {service.hostname: service for service in scope.reachable.services}

    def chains(self, service: Service, port: Port) -> list[Chain]:
        """Return the chains of one port of a service, in order."""
        made = self._by_name(service, port) if port.protocol in _TLS else self._by_address(service, port)
        return [_chain(match, filters) for match, filters in made]

    def _by_name(self, service: Service, port: Port) -> Iterator[Part]:
        """Where the address does not tell a service, the name that a handshake asks for does."""
        blocks = _blocks(service)
        seen: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
        for one in self._speaking_of(service):
            for route in one.spec.tls:
                for match in route.match:
                    if self._is_meant(match, port.number):
                        # as in istiod, what one match says of addresses holds for those behind it that say nothing
                        blocks = list(match.destination_subnets) or blocks
                        key = (match.sni_hosts, match.destination_subnets)
                        if key not in seen:
                            yield _match(match.sni_hosts, blocks), self._filters(route.route, port.number, one)
                        seen.add(key)
        if not seen:
            names = [service.hostname] if bound_to(service) == ANYWHERE else []
            yield _match(names, blocks), self._to(service, port)

    def _by_address(self, service: Service, port: Port) -> Iterator[Part]:
        blocks = _blocks(service)
        for one in self._speaking_of(service):
            for route in one.spec.tcp:
                meant = [match for match in route.match if self._is_meant(match, port.number)]
                filters = self._filters(route.route, port.number, one)
                if not route.match or any(not match.destination_subnets for match in meant):
                    yield _match((), blocks), filters
                    return
                asked = [block for match in meant for block in match.destination_subnets]
                if asked:
                    yield _match((), asked), filters
                    if sorted(asked) == sorted(blocks):
                        return
        yield _match((), blocks), self._to(service, port)

    def _speaking_of(self, service: Service) -> Iterator[VirtualService]:
        for one in self._virtual_services:
            if any(matches(qualified(host, one.metadata.namespace), service.hostname) for host in one.spec.hosts):
                yield one

    def _is_meant(self, match: StreamMatch, port: int) -> bool:
        """Say what istiod decides beforehand (matchTLS, matchTCP)."""
        proxy = self._proxy
        return (
            in_mesh(match.gateways)
            and match.source_labels.items() <= proxy.labels.items()
            and match.port in (None, port)
            and match.source_namespace in ("", proxy.namespace)
        )

    def _to(self, service: Service, port: Port) -> Filters:
        cluster = outbound_cluster(port.number, "", service.hostname)
        return [tcp_proxy(cluster, **_options(self._rules.of(service), ""))]

    def _filters(self, to: Sequence[StreamDestination], port: int, speaker: VirtualService) -> Filters:
        meta = speaker.metadata
        hosts = [qualified(one.destination.host, meta.namespace) for one in to]
        first = self._services.get(hosts[0])
        rule = self._rules.of(first) if first else Rule()
        clusters = [self._cluster(one.destination, host, port) for one, host in zip(to, hosts, strict=True)]
        if len(to) == 1:
            return [tcp_proxy(clusters[0], **_options(rule, to[0].destination.subset))]
        weighted = [{"name": name, "weight": one.weight} for one, name in zip(to, clusters, strict=True) if one.weight]
        shares = {"weighted_clusters": {"clusters": weighted}, "stat_prefix": f"{meta.name}.{meta.namespace}"}
        return [tcp_proxy("", **shares, **_options(rule, ""))]

    def _cluster(self, destination: Destination, host: str, port: int) -> str:
        service = self._services.get(host)
        if destination.port is not None:
            port = destination.port.number
        elif service is not None and len(service.ports) == 1:
            port = service.ports[0].number
        return outbound_cluster(port, destination.subset, host)


def _chain(match: dict[str, Any], filters: Filters) -> Chain:
    found = {"filter_chain_match": match} if match else {}
    return {**found, "filters": filters, "transport_socket_connect_timeout": "15s"}


def _match(names: Sequence[str], blocks: Sequence[str]) -> dict[str, Any]:
    match: dict[str, Any] = {}
    if names and "*" not in names:
        match["server_names"] = sorted(names)
    ranges = [ipaddress.ip_network(block) for block in sorted(blocks)]
    if ranges:
        match["prefix_ranges"] = [
            {"address_prefix": str(one.network_address), "prefix_len": one.prefixlen} for one in ranges
        ]
    return match


def _blocks(service: Service) -> list[str]:
    address = _address(service)
    return [address] if "/" in address else []


def _address(service: Service) -> str:
    """Return the first address, a block of one as an address; nothing where there is none."""
    given = service.addresses[0] if service.addresses else service.cluster_ip
    if "/" in given:
        block = ipaddress.ip_network(given)
        return str(block.network_address) if block.num_addresses == 1 else given
    return given


def _options(rule: Rule, subset: str) -> dict[str, Any]:
    """What the rule as a whole says of connections; of a subset's own policy only who stays where is asked."""
    policy, made = rule.policy, dict[str, Any]()
    tcp = policy.connection_pool.tcp if policy and policy.connection_pool else None
    if tcp and tcp.idle_timeout is not None:
        made["idle_timeout"] = envoy_duration(tcp.idle_timeout)
    if tcp and tcp.max_connection_duration is not None:
        made["max_downstream_connection_duration"] = envoy_duration(tcp.max_connection_duration)
    balancer = rule.balancer_of(subset) or rule.balancer_of("")
    if balancer and balancer.consistent_hash and balancer.consistent_hash.use_source_ip:
        made["hash_policy"] = [{"source_ip": {}}]
    return made
