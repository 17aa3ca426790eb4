"""The ingress gateway of a cluster: where calls from outside enter, and the pods that carry them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from k8s.cluster.api import Api, ApiError, folder
from k8s.cluster.mesh import ISTIO_SYSTEM
from k8s.cluster.reach import joined
from k8s.cluster.readiness import is_ready
from k8s.scheduled import target_port
from k8s.target import TargetError

LABEL = "istio=ingressgateway"
"""By which the application's Gateway selects the pods that it configures."""
HTTP = 80
METRICS = 15090
"""Where an Envoy of Istio shows its counters to whom cannot enter its pod."""
CONNECT_S = 2.0


@dataclass(frozen=True, slots=True)
class Ingress:
    """`pods`: name and address of those that are ready; `port`: where they take plain HTTP.

    `outside`: HOST:PORT where its Service may be reached from outside the cluster, the likeliest first.
    """

    namespace: str
    pods: tuple[tuple[str, str], ...]
    port: int
    outside: tuple[str, ...]


def find(api: Api) -> Ingress:
    """Find the gateway that Istio's default profile installs. Raises TargetError: there is none, or none is ready."""
    services = api.get(folder("v1", "Service", ISTIO_SYSTEM), labelSelector=LABEL)["items"]
    found = [(one, port) for one in services for port in one["spec"]["ports"] if port["port"] == HTTP]
    if not found:
        raise TargetError(
            f"no ingress gateway: namespace {ISTIO_SYSTEM} has no Service labelled {LABEL} with port {HTTP}; "
            "Istio's default profile installs one"
        )
    service, http = found[0]
    selector = ",".join(f"{key}={value}" for key, value in sorted(service["spec"]["selector"].items()))
    listed = api.get(folder("v1", "Pod", ISTIO_SYSTEM), labelSelector=selector)["items"]
    pods = sorted((one for one in listed if is_ready(one)), key=lambda one: str(one["metadata"]["name"]))
    if not pods:
        raise TargetError(f"no pod of the ingress gateway {service['metadata']['name']} is ready")
    return Ingress(
        ISTIO_SYSTEM,
        tuple((one["metadata"]["name"], one["status"]["podIP"]) for one in pods),
        target_port(http, pods),
        tuple(_outside(api, service, http)),
    )


async def reachable(addresses: Sequence[str], within_s: float = CONNECT_S) -> str | None:
    """Return the first of some HOST:PORT where an Envoy answers, with whatever status; None where none does.

    That a connection is accepted says too little: something on the way may accept all.
    """
    timeout = aiohttp.ClientTimeout(total=within_s)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        for address in addresses:
            try:
                async with http.get(f"http://{address}/", allow_redirects=False) as answer:
                    if "envoy" in answer.headers.get("Server", ""):
                        return address
            except (aiohttp.ClientError, TimeoutError):
                continue
    return None


def _outside(api: Api, service: Mapping[str, Any], http: Mapping[str, Any]) -> Iterator[str]:
    balancer = (service.get("status") or {}).get("loadBalancer") or {}
    for one in balancer.get("ingress") or ():
        yield joined(one.get("ip") or one["hostname"], http["port"])
    if "nodePort" not in http:
        return
    try:
        nodes = api.get("/api/v1/nodes")["items"]
    except ApiError:
        return  # nodes are not everybody's to see; there are other ways
    addresses = [each for node in nodes for each in (node.get("status") or {}).get("addresses") or ()]
    for kind in ("ExternalIP", "InternalIP"):
        yield from (joined(one["address"], http["nodePort"]) for one in addresses if one["type"] == kind)
