"""ServiceEntries -> services beside those of Kubernetes (serviceregistry/serviceentry/conversion.go)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from istio.objects.parse import Objects
from istio.objects.service_entry import ServiceEntry, ServicePort, WorkloadEntry, is_address
from istio.registry import Endpoint, Port, Registry, Resolution, Service

_RESOLUTION: dict[str, Resolution] = {"STATIC": "EDS", "DNS": "STRICT_DNS", "DNS_ROUND_ROBIN": "LOGICAL_DNS"}


def with_entries(registry: Registry, objects: Objects, namespace: str) -> Registry:
    """Return the registry with a service per host of every ServiceEntry, as the proxies of a namespace see them.

    Who speaks for a host are the services of one namespace: that of Kubernetes' own service, else the proxies' own,
    else the first's. Several of that namespace are one, with the ports and the endpoints of all.
    """
    named: dict[str, list[Service]] = {service.hostname: [service] for service in registry.services}
    for entry in sorted(objects.service_entries, key=lambda one: one.metadata.namespace != namespace):
        for host in entry.spec.hosts:
            named.setdefault(host, []).append(_service(entry, host))
    return replace(registry, services=tuple(_as_one(named[host]) for host in sorted(named)))


def _as_one(services: Sequence[Service]) -> Service:
    """Merge what one namespace says of a host into the first (pilot/pkg/model/sidecar.go, and its endpoint shards).

    Only of the names in certificates the last says all.
    """
    first = services[0]
    if len(services) == 1:
        return first
    together = [one for one in services if one.namespace == first.namespace]
    ports: dict[int, Port] = {}
    # a service of Kubernetes keeps to its own ports
    for port in (port for one in (together if first.host else [first]) for port in one.ports):
        ports.setdefault(port.number, port)
    # what ServiceEntries say comes before what Kubernetes knows; endpoints are told apart by the name of their port
    sources = sorted(together, key=lambda one: not one.host)
    endpoints = {
        port.name: tuple(
            end
            for one in sources
            for end in one.endpoints.get(port.name, ())
            if first.resolution != "EDS" or is_address(end.ip)
        )
        for port in ports.values()
    }
    return replace(
        first,
        ports=tuple(ports.values()),
        endpoints=endpoints,
        subject_alt_names=together[-1].subject_alt_names,
        addresses=tuple(dict.fromkeys(address for one in together for address in one.addresses)),
    )


def _service(entry: ServiceEntry, host: str) -> Service:
    spec = entry.spec
    # A name that is resolved may stand behind itself.
    behind = spec.endpoints or (WorkloadEntry(address=host, ports={}, labels={}),)
    # istiod counts a service, with its endpoints, once for each of its addresses
    times = max(1, len(spec.addresses)) if spec.resolution == "STATIC" else 1
    return Service(
        name=host,
        namespace=entry.metadata.namespace,
        cluster_ip="",
        ports=tuple(Port(one.number, one.name, _target(one), one.protocol) for one in spec.ports),
        selector={},
        endpoints={port.name: tuple(_endpoint(one, port) for one in behind) * times for port in spec.ports},
        subject_alt_names=spec.subject_alt_names,
        external=spec.location == "MESH_EXTERNAL",
        host=host,
        addresses=spec.addresses,
        resolution=_RESOLUTION[spec.resolution],
        created=entry.metadata.creation_timestamp,
    )


def _target(port: ServicePort) -> int:
    return port.target_port or port.number


def _endpoint(one: WorkloadEntry, port: ServicePort) -> Endpoint:
    number = one.ports.get(port.name, _target(port))
    return Endpoint(one.address, number, None, "", one.labels, one.service_account, one.weight or 1)
