"""How long the whole configuration of one proxy takes to compile, by the number of services in the mesh.

There is no cache and no incremental path: every compilation is a whole one, so it must be linear.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from istio.compile import compile_proxy
from istio.objects import Document, parse
from istio.registry import Registry

SIZES = (10, 30, 100, 300, 1000)
ENDPOINTS = 3
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """`seconds`: the median of `rounds` whole compilations; `exponent`: of a power law through all sizes, 1 = linear.

    `ratio_to_smallest`: the time for each service, over that time in the smallest mesh.
    """

    name: str
    services: int
    seconds: float
    microseconds_per_service: float
    ratio_to_smallest: float
    exponent: float
    rounds: int


def measure(sizes: Sequence[int] = SIZES, rounds: int = ROUNDS) -> list[Row]:
    """Compile for a client of each mesh: every service has three endpoints, a VirtualService and a DestinationRule."""
    times: dict[int, list[float]] = {size: [] for size in sizes}
    meshes = {size: (Registry.from_kubernetes(list(kubernetes(size))), parse(list(istio(size)))) for size in sizes}
    for _ in range(rounds):
        for size, (registry, objects) in meshes.items():
            started = time.perf_counter()
            compile_proxy(registry, objects, registry.proxy("s0-0", "default"), mtls=True)
            times[size].append(time.perf_counter() - started)
    medians = {size: statistics.median(found) for size, found in times.items()}
    slope = exponent(medians)
    smallest = medians[sizes[0]] / sizes[0]
    return [
        Row(f"compile-{size}", size, took, took / size * 1e6, took / size / smallest, slope, rounds)
        for size, took in medians.items()
    ]


def exponent(medians: dict[int, float]) -> float:
    """The slope of a straight line through the logarithms of sizes and seconds, by least squares."""
    points = [(math.log(size), math.log(took)) for size, took in medians.items()]
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def kubernetes(services: int) -> Iterator[Document]:
    """Services s0, s1, ... with their pods and endpoints, as Kubernetes would list them."""
    for number in range(services):
        name, high, low = f"s{number}", *divmod(number, 250)
        meta = {"name": name, "namespace": "default"}
        pods = [(f"{name}-{replica}", f"10.{replica + 1}.{high}.{low}") for replica in range(ENDPOINTS)]
        ports = [{"name": "http", "port": 8080, "targetPort": 8080, "protocol": "TCP"}]
        spec = {"clusterIP": f"10.96.{high}.{low}", "selector": {"app": name}, "ports": ports}
        yield _document("v1", "Service", meta, spec=spec)
        for pod, ip in pods:
            own = {"name": pod, "namespace": "default", "labels": {"app": name}}
            yield _document("v1", "Pod", own, spec={"serviceAccountName": name}, status={"podIP": ip})
        yield _document(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            {**meta, "labels": {"kubernetes.io/service-name": name}},
            addressType="IPv4",
            endpoints=[
                {"addresses": [ip], "targetRef": {"kind": "Pod", "name": pod, "namespace": "default"}}
                for pod, ip in pods
            ],
            ports=[{"name": "http", "port": 8080, "protocol": "TCP"}],
        )


def istio(services: int) -> Iterator[Document]:
    """A route with retries and a rule with outlier detection for every service."""
    for number in range(services):
        name = f"s{number}"
        meta = {"name": name, "namespace": "default"}
        route = {"timeout": "2s", "retries": {"attempts": 2}, "route": [{"destination": {"host": name}}]}
        yield _document("networking.istio.io/v1", "VirtualService", meta, spec={"hosts": [name], "http": [route]})
        policy = {"outlierDetection": {"consecutive5xxErrors": 5, "maxEjectionPercent": 50}}
        spec = {"host": name, "trafficPolicy": policy}
        yield _document("networking.istio.io/v1", "DestinationRule", meta, spec=spec)


def _document(version: str, kind: str, metadata: dict[str, Any], **rest: Any) -> Document:
    return Document({"apiVersion": version, "kind": kind, "metadata": metadata, **rest})
