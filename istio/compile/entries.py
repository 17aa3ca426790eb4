"""ServiceEntries -> services beside those of Kubernetes (serviceregistry/serviceentry/conversion.go)."""

from __future__ import annotations

from dataclasses import replace

from istio.objects.parse import Objects
from istio.objects.service_entry import ServiceEntry, ServicePort, WorkloadEntry
from istio.registry import Endpoint, Port, Registry, Resolution, Service

_RESOLUTION: dict[str, Resolution] = {"STATIC": "EDS", "DNS": "STRICT_DNS", "DNS_ROUND_ROBIN": "LOGICAL_DNS"}


def with_entries(registry: Registry, objects: Objects, namespace: str) -> Registry:
    """Return the registry with a service per host of every ServiceEntry, as the proxies of a namespace see them.

    Kubernetes' own service of a host stays. Of several entries the namespace's own speaks for the host, else the first.
    """
    known = {service.hostname: service for service in registry.services}
    for entry in sorted(objects.service_entries, key=lambda one: one.metadata.namespace != namespace):
        for host in entry.spec.hosts:
            known.setdefault(host, _service(entry, host))
    return replace(registry, services=tuple(known[name] for name in sorted(known)))


def _service(entry: ServiceEntry, host: str) -> Service:
    spec = entry.spec
    # A name that is resolved may stand behind itself.
    behind = spec.endpoints or (WorkloadEntry(address=host, ports={}, labels={}),)
    return Service(
        name=host,
        namespace=entry.metadata.namespace,
        cluster_ip="",
        ports=tuple(Port(one.number, one.name, _target(one), one.protocol) for one in spec.ports),
        selector={},
        endpoints={port.name: tuple(_endpoint(one, port) for one in behind) for port in spec.ports},
        subject_alt_names=spec.subject_alt_names,
        external=spec.location == "MESH_EXTERNAL",
        host=host,
        addresses=spec.addresses,
        resolution=_RESOLUTION[spec.resolution],
    )


def _target(port: ServicePort) -> int:
    return port.target_port or port.number


def _endpoint(one: WorkloadEntry, port: ServicePort) -> Endpoint:
    number = one.ports.get(port.name, _target(port))
    return Endpoint(one.address, number, None, "", one.labels, one.service_account, one.weight or 1)
