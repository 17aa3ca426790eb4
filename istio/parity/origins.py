"""Who writes what holds on an edge: from what is compiled back to the objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from istio.compile.names import qualified
from istio.compile.scope import scope
from istio.compile.versions import NEWEST
from istio.compile.visibility import visible
from istio.library.spoken import spoken
from istio.objects.destination_rule import ConnectionPool, LoadBalancer, OutlierDetection
from istio.objects.document import Document
from istio.objects.model import Model
from istio.objects.parse import Objects
from istio.objects.virtual_service import Retries
from istio.parity.client import Client
from istio.parity.places import Places, Written
from istio.parity.settings import SETTINGS
from istio.registry import Proxy, Registry
from resilience_lib.outlier import LONGEST_EJECTION_S

# Where an object's 0 does not mean that nothing was said.
_ZERO_COUNTS = {"retries.attempts", "outlier.failures", "outlier.gateway-errors", "budget.percent"}
_LONGEST = timedelta(seconds=LONGEST_EJECTION_S)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an edge's parity follows from: the cluster, Istio's objects, where they were read, and the client beneath.

    `port`: the callee's, which callers name. `strengths`: what the policy set's library.json says.
    """

    registry: Registry
    objects: Objects
    documents: Sequence[Document]
    client: Client
    version: str = NEWEST
    mtls: bool = True
    port: int = 8080
    strengths: Mapping[str, Any] = field(default_factory=dict)


class Origins:
    """What objects say to one caller of one callee, and where. `target`: the port of the callee's application, or 0."""

    def __init__(self, given: Inputs, places: Places, caller: Proxy, callee: str, namespace: str) -> None:
        self.caller, self.callee, self.namespace = caller, callee, namespace
        self.hostname, self._port = qualified(callee, namespace), given.port
        self._places = places
        [self._said] = spoken(given.objects, [callee], namespace=namespace, port=given.port, labels=caller.labels)
        service = next(one for one in given.registry.services if one.hostname == self.hostname)
        self.target = 0
        self._inbound: ConnectionPool | None = self._said.rule.for_port(given.port).connection_pool
        for pod in behind(given, callee, namespace)[:1]:
            port = service.port(given.port)
            self.target = (given.registry.target_port(port, pod) if port else None) or 0
            own = scope(given.registry, visible(given.objects, pod.namespace), pod).inbound_pool
            self._inbound = own or self._inbound

    def written(self, name: str, subset: str) -> Written | None:
        """Where an object writes what holds for a destination."""
        retries, outlier = self._block("retries", ""), self._block("outlier", subset)
        if name.startswith("retries.") and isinstance(retries, Retries) and not retries.attempts:
            name = "retries.attempts"  # what switches off all of them
        if name == "outlier.max-time" and not _is_long(outlier):
            return None
        block, field = SETTINGS[name].written
        part = self._block(block, subset)
        if name == "balancer.kind" and isinstance(part, LoadBalancer) and part.consistent_hash is not None:
            field = "consistent_hash"
        if part is None or (not getattr(part, field) and name not in _ZERO_COUNTS):
            return None
        return self._places.of(part, field)

    def _block(self, name: str, subset: str) -> Model | None:
        route, rule = self._said.route, self._said.rule
        own = rule.subset(subset) if subset else None
        policy = rule.for_subset(own, self._port) if own else rule.for_port(self._port)
        pool, there = policy.connection_pool, self._inbound
        hashed = policy.load_balancer.consistent_hash if policy.load_balancer else None
        blocks: dict[str, Model | None] = {
            "route": route,
            "retries": route.retries if route else None,
            "tcp": pool.tcp if pool else None,
            "http": pool.http if pool else None,
            "outlier": policy.outlier_detection,
            "budget": policy.retry_budget,
            "balancer": policy.load_balancer,
            "ring": hashed and (hashed.ring_hash or hashed),
            "inbound-tcp": there.tcp if there else None,
            "inbound-http": there.http if there else None,
        }
        return blocks.get(name)


def behind(given: Inputs, callee: str, namespace: str) -> list[Proxy]:
    """The pods behind a service's port."""
    hostname = qualified(callee, namespace)
    found = [one for one in given.registry.services if one.hostname == hostname]
    port = found[0].port(given.port) if found else None
    pods = found[0].endpoints.get(port.name, ()) if port else ()
    return [given.registry.proxy(one.pod, namespace) for one in pods if one.pod]


def _is_long(outlier: Model | None) -> bool:
    return isinstance(outlier, OutlierDetection) and outlier.base_ejection_or_default > _LONGEST
