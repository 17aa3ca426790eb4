"""What Istio objects say of one edge as a caller has it, and which of it is for requests that a client cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from istio.compile.matches import is_catch_all, route_match, speaks_to
from istio.compile.names import in_mesh, matches, qualified
from istio.compile.rules import Policy, Rule, Rules
from istio.compile.visibility import visible
from istio.objects.destination_rule import ConnectionPool
from istio.objects.model import Model
from istio.objects.parse import IstioObject, Objects
from istio.objects.virtual_service import HttpRoute, VirtualService
from istio.registry import Proxy

_TCP = {
    "connect_timeout": "the per-try timeout bounds the connection too",
    "tcp_keepalive": "the client's connector has none",
    "max_connection_duration": "the client's connector has none",
    "idle_timeout": "the client's keep-alive is equal in every mode",
}
_HTTP = {
    "http2_max_requests": "the client speaks HTTP/1.1; maxConnections bounds its requests",
    "max_requests_per_connection": "the client keeps its connections",
    "idle_timeout": "the client's keep-alive is equal in every mode",
    "h2_upgrade_policy": "the client speaks HTTP/1.1",
    "use_client_protocol": "the client speaks HTTP/1.1",
}
_ROUTE = {
    "fault": "faults are injected by the sidecar",
    "redirect": "requests are answered by the sidecar",
    "direct_response": "requests are answered by the sidecar",
    "rewrite": "requests are changed by the sidecar",
    "headers": "requests are changed by the sidecar",
    "mirror": "requests are copied by the sidecar",
    "mirrors": "requests are copied by the sidecar",
    "cors_policy": "the sidecar answers for other origins",
}
_RETRIES = {
    "retry_remote_localities": "a client sees one address per service",
    "retry_ignore_previous_hosts": "a client does not choose replicas",
}


@dataclass(frozen=True, slots=True)
class NotCarried:
    """A field that a client library does not do: which object, where in it, and why."""

    object: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """One edge: the route that holds for every request (None: Istio's default), the rule, and its policy at the port.

    `left`: what of the routes no client does.
    """

    callee: str
    route: HttpRoute | None
    rule: Rule
    policy: Policy
    left: tuple[NotCarried, ...]


def spoken(objects: Objects, callees: Sequence[str], *, namespace: str, port: int) -> Iterator[Spoken]:
    """What is said of each callee (a short service name) to callers in `namespace`."""
    client = Proxy("", namespace, {})
    objects = visible(objects, namespace)
    rules = Rules(objects, client)
    for callee in callees:
        hostname = qualified(callee, namespace)
        rule = rules.at(hostname, namespace)
        by = _speaks_for(objects, hostname)
        left: dict[NotCarried, None] = {}
        route = _whole_route(by, client, port, left) if by else None
        if rule.source is not None and rule.subsets:
            left[NotCarried(name_of(rule.source), "spec.subsets", "a client does not choose subsets")] = None
        yield Spoken(callee, route, rule, rule.for_port(port), tuple(left))


def _speaks_for(objects: Objects, hostname: str) -> VirtualService | None:
    """Return the VirtualService that names a host most closely; of several that do, the first."""
    covering: dict[str, VirtualService] = {}
    for one in objects.virtual_services:
        if in_mesh(one.spec.gateways):
            for host in (qualified(each, one.metadata.namespace) for each in one.spec.hosts):
                if matches(host, hostname):
                    covering.setdefault(host, one)
    # a name without a wildcard is always the longest
    return covering[max(covering, key=len)] if covering else None


def _whole_route(
    virtual_service: VirtualService, client: Proxy, port: int, left: dict[NotCarried, None]
) -> HttpRoute | None:
    """Return the rule that holds for every request; what is said for some requests only is left behind."""
    name = name_of(virtual_service)
    for index, http in enumerate(virtual_service.spec.http):
        path = f"spec.http[{index}]"
        heard = [one for one in http.match if speaks_to(one, client, port)]
        if http.match and not any(is_catch_all(route_match(one)) for one in heard):
            left[NotCarried(name, f"{path}.match", "the library has one policy for a whole service")] = None
            continue
        if len(http.route) > 1 or any(one.destination.subset for one in http.route):
            left[NotCarried(name, f"{path}.route", "a client does not choose subsets or weights")] = None
        left.update(dict.fromkeys(set_fields(http, _ROUTE, name, path)))
        left.update(dict.fromkeys(set_fields(http.retries, _RETRIES, name, f"{path}.retries")))
        return http
    return None


def left_of_pool(pool: ConnectionPool | None, name: str, path: str) -> Iterator[NotCarried]:
    """What of a connection pool no client does."""
    if pool is not None:
        yield from set_fields(pool.tcp, _TCP, name, f"{path}.connectionPool.tcp")
        yield from set_fields(pool.http, _HTTP, name, f"{path}.connectionPool.http")


def policy_path(rule: Rule, port: int) -> str:
    """Where in the rule's object the policy of a port stands."""
    for index, entry in enumerate(rule.policy.port_level_settings if rule.policy else ()):
        if entry.port.number == port:
            return f"spec.trafficPolicy.portLevelSettings[{index}]"
    return "spec.trafficPolicy"


def set_fields(block: Model | None, reasons: Mapping[str, str], name: str, path: str) -> Iterator[NotCarried]:
    """Those of the fields named in `reasons` that are set, each with the reason why it is left behind."""
    for field, why in reasons.items():
        if block is not None and field in block.model_fields_set:
            yield NotCarried(name, f"{path}.{type(block).model_fields[field].alias}", why)


def name_of(one: IstioObject) -> str:
    """How an object is named to a reader: kind, namespace and name."""
    return f"{one.kind} {one.metadata.namespace}/{one.metadata.name}"
