"""What one proxy can see (pilot/pkg/model/sidecar.go): everything, unless a Sidecar narrows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from istio.compile.names import ROOT_NAMESPACE, in_mesh, matches, qualified
from istio.objects.destination_rule import ConnectionPool
from istio.objects.model import is_within
from istio.objects.parse import Objects
from istio.objects.sidecar import Sidecar
from istio.objects.virtual_service import VirtualService
from istio.registry import Proxy, Registry, Service

_NOT = "~"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a proxy can see.

    ``routed`` holds the services that have listeners and routes; ``reachable`` those and the destinations of the
    VirtualServices. ``passes`` says whether requests to hosts that nobody knows are let through.
    """

    routed: Registry
    reachable: Registry
    virtual_services: tuple[VirtualService, ...]
    passes: bool = True
    inbound_pool: ConnectionPool | None = None


def scope(registry: Registry, objects: Objects, proxy: Proxy) -> Scope:
    """Return what a sidecar can see: the Sidecar of its workload says, else its namespace's, else the mesh's."""
    spoken = tuple(one for one in objects.virtual_services if in_mesh(one.spec.gateways))
    found = _sidecar(objects, proxy)
    if found is None:
        return Scope(registry, registry, spoken)
    policy = found.spec.outbound_traffic_policy
    seen = Scope(
        registry,
        registry,
        spoken,
        policy is None or policy.mode == "ALLOW_ANY",
        found.spec.inbound_connection_pool,
    )
    if not found.spec.egress:
        return seen
    hosts = [host for egress in found.spec.egress for host in egress.hosts]
    own = found.metadata.namespace
    imports = [_Import.of(host, own) for host in hosts if not host.startswith(_NOT)]
    excluded = [_Import.of(host.removeprefix(_NOT), own) for host in hosts if host.startswith(_NOT)]
    routed = tuple(
        one
        for one in registry.services
        if any(each.takes(one) for each in imports) and not any(each.takes(one) for each in excluded)
    )
    spoken = tuple(one for one in spoken if _is_heard(one, imports, excluded))
    targets = {one.hostname for one in routed}.union(*map(_destinations, spoken))
    reachable = tuple(one for one in registry.services if one.hostname in targets)
    return replace(
        seen,
        routed=replace(registry, services=routed),
        reachable=replace(registry, services=reachable),
        virtual_services=spoken,
    )


@dataclass(frozen=True, slots=True)
class _Import:
    namespace: str
    pattern: str

    @staticmethod
    def of(text: str, own: str) -> _Import:
        namespace, _, pattern = text.partition("/")
        return _Import(own if namespace == "." else namespace or "*", pattern)

    def takes(self, service: Service) -> bool:
        return self.covers(service.hostname, service.namespace)

    def covers(self, host: str, namespace: str) -> bool:
        return self.namespace in ("*", namespace) and is_within(host, self.pattern)

    def touches(self, host: str, namespace: str) -> bool:
        either = matches(self.pattern, host) or matches(host, self.pattern)
        return self.namespace in ("*", namespace) and either


def _is_heard(virtual_service: VirtualService, imports: Sequence[_Import], excluded: Sequence[_Import]) -> bool:
    """Whether one of its hosts is imported, and not left out again."""
    namespace = virtual_service.metadata.namespace
    hosts = [qualified(host, namespace) for host in virtual_service.spec.hosts]
    return any(
        any(one.touches(host, namespace) for one in imports)
        and not any(one.covers(host, namespace) for one in excluded)
        for host in hosts
    )


def _sidecar(objects: Objects, proxy: Proxy) -> Sidecar | None:
    own = [one for one in objects.sidecars if one.metadata.namespace == proxy.namespace]
    for one in own:
        selector = one.spec.workload_selector
        if one.spec.for_workload and selector and selector.labels.items() <= proxy.labels.items():
            return one
    mesh = [one for one in objects.sidecars if one.metadata.namespace == ROOT_NAMESPACE]
    return next((one for one in (*own, *mesh) if not one.spec.for_workload), None)


def _destinations(virtual_service: VirtualService) -> set[str]:
    spec = virtual_service.spec
    to = [one.destination for route in spec.http for one in route.route]
    to += [one.destination for tls in spec.tls for one in tls.route]
    to += [one.destination for tcp in spec.tcp for one in tcp.route]
    for http in spec.http:
        to += [one.destination for one in http.mirrors]
        if http.mirror is not None:
            to.append(http.mirror)
    return {qualified(one.host, virtual_service.metadata.namespace) for one in to}
