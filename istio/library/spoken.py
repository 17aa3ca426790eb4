"""What Istio objects say of one edge as a caller has it, and which of it is for requests that a client cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from istio.compile.matches import is_catch_all, route_match, speaks_to
from istio.compile.names import in_mesh, matches, qualified
from istio.compile.rules import Policy, Rule, Rules
from istio.compile.visibility import visible
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


@dataclass(frozen=True, slots=True)
class NotCarried:
    """A field that a client library does not do: which object, where in it, and why."""

    object: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which object something stands: `DestinationRule airport/alerts`, `spec.trafficPolicy`."""

    object: str
    path: str

    def at(self, path: str) -> Place:
        """Return a place inside this one."""
        return Place(self.object, f"{self.path}.{path}")

    def left(self, path: str, why: str) -> NotCarried:
        """Return what stands inside this place as left behind."""
        return NotCarried(self.object, f"{self.path}.{path}", why)

    def left_fields(self, block: Model | None, reasons: Mapping[str, str]) -> Iterator[NotCarried]:
        """Those of the fields named in `reasons` that are set in `block`, each with the reason why it is left."""
        for field, why in reasons.items():
            if block is not None and field in block.model_fields_set:
                yield self.left(str(type(block).model_fields[field].alias), why)


@dataclass(frozen=True, slots=True)
class Spoken:
    """One edge: the route that holds for every request, the rule, and its policy at the port, each with its place.

    `route` and `routed_at` are None where Istio's default route holds; `ruled_at` where no object has a policy.
    `left`: what of all this no client does.
    """

    callee: str
    route: HttpRoute | None
    routed_at: Place | None
    rule: Rule
    policy: Policy
    ruled_at: Place | None
    left: tuple[NotCarried, ...]


def spoken(
    objects: Objects, callees: Sequence[str], *, namespace: str, port: int, labels: Mapping[str, str] | None = None
) -> Iterator[Spoken]:
    """What is said of each callee (a short service name) to callers in `namespace`, or to those with these labels."""
    client = Proxy("", namespace, labels or {})
    objects = visible(objects, namespace)
    rules = Rules(objects, client)
    for callee in callees:
        hostname = qualified(callee, namespace)
        rule = rules.at(hostname, namespace)
        policy, ruled_at = rule.for_port(port), _place(rule, port)
        by = _speaks_for(objects, hostname)
        left: dict[NotCarried, None] = {}
        route, routed_at = _whole_route(by, hostname, client, port, left) if by else (None, None)
        if rule.source is not None and rule.subsets:
            left[NotCarried(name_of(rule.source), "spec.subsets", "a client does not choose subsets")] = None
        if ruled_at is not None:
            left.update(dict.fromkeys(_left_of_policy(policy, ruled_at)))
        yield Spoken(callee, route, routed_at, rule, policy, ruled_at, tuple(left))


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
    virtual_service: VirtualService, hostname: str, client: Proxy, port: int, left: dict[NotCarried, None]
) -> tuple[HttpRoute | None, Place | None]:
    """Return the rule that holds for every request; what is said for some requests only is left behind."""
    for index, http in enumerate(virtual_service.spec.http):
        place = Place(name_of(virtual_service), f"spec.http[{index}]")
        heard = [one for one in http.match if speaks_to(one, client, port)]
        if http.match and not any(is_catch_all(route_match(one)) for one in heard):
            left[place.left("match", "the library has one policy for a whole service")] = None
            continue
        left.update(dict.fromkeys(_left_of_route(http, hostname, virtual_service.metadata.namespace, place)))
        return http, place
    return None, None


def _left_of_route(http: HttpRoute, hostname: str, namespace: str, place: Place) -> Iterator[NotCarried]:
    if len(http.route) > 1 or any(one.destination.subset for one in http.route):
        yield place.left("route", "a client does not choose subsets or weights")
    for index, one in enumerate(http.route):
        if qualified(one.destination.host, namespace) != hostname:
            yield place.left(f"route[{index}].destination.host", "a client calls the service that it names")
        if one.headers is not None:
            yield place.left(f"route[{index}].headers", _ROUTE["headers"])
    yield from place.left_fields(http, _ROUTE)


def _left_of_policy(policy: Policy, place: Place) -> Iterator[NotCarried]:
    pool = policy.connection_pool
    if pool is not None:
        yield from place.at("connectionPool.tcp").left_fields(pool.tcp, _TCP)
        yield from place.at("connectionPool.http").left_fields(pool.http, _HTTP)
        if pool.http and pool.http.http1_max_pending_requests and not (pool.tcp and pool.tcp.max_connections):
            why = "without maxConnections nothing waits for its turn in a client"
            yield place.left("connectionPool.http.http1MaxPendingRequests", why)
    if policy.tls is not None:
        yield place.left("tls", "the client speaks plain HTTP")


def _place(rule: Rule, port: int) -> Place | None:
    """Where the policy of a port stands."""
    if rule.source is None or rule.policy is None:
        return None
    for index, entry in enumerate(rule.policy.port_level_settings):
        if entry.port.number == port:
            return Place(name_of(rule.source), f"spec.trafficPolicy.portLevelSettings[{index}]")
    return Place(name_of(rule.source), "spec.trafficPolicy")


def name_of(one: IstioObject) -> str:
    """How an object is named to a reader: kind, namespace and name."""
    return f"{one.kind} {one.metadata.namespace}/{one.metadata.name}"
