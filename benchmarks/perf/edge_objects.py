"""The Istio objects of `perf changes`: what can change at the edge while callers are owed the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from k8s.local.gateway import NAME, NAMESPACE
from k8s.render import NAMESPACE as APPLICATION
from k8s.target import Document

_PRINCIPAL = f"cluster.local/ns/{NAMESPACE}/sa/{NAME}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A change: which subsets the gateway's route has from now on, by weight, and what else comes and goes."""

    name: str
    subsets: dict[str, int]
    apply: Sequence[Document] = ()
    delete: Sequence[Document] = ()


def route(header: str, number: int, subsets: dict[str, int]) -> Document:
    """The gateway's route to the control panel; its answers carry `number` in a header."""
    destinations = [
        {"destination": {"host": "cpanel", "subset": subset}, "weight": weight} for subset, weight in subsets.items()
    ]
    http = {"route": destinations, "headers": {"response": {"set": {header: str(number)}}}}
    return _networking("VirtualService", "cpanel", hosts=["*"], gateways=["airport-gateway"], http=[http])


def _networking(kind: str, name: str, **spec: Any) -> Document:
    return _object("networking.istio.io/v1", kind, name, spec)


def _security(kind: str, name: str, **spec: Any) -> Document:
    return _object("security.istio.io/v1", kind, name, {"selector": {"matchLabels": {"app": "cpanel"}}, **spec})


def _object(version: str, kind: str, name: str, spec: dict[str, Any]) -> Document:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": APPLICATION}, "spec": spec}


def _rule(*more: str, **policy: Any) -> Document:
    """The rule of the control panel; further subsets are its first version under other names."""
    subsets = [{"name": version, "labels": {"version": version}} for version in ("v1", "v2")]
    subsets += [{"name": name, "labels": {"version": "v1"}} for name in more]
    return _networking(
        "DestinationRule", "cpanel", host="cpanel", subsets=subsets, **({"trafficPolicy": policy} if policy else {})
    )


def _gateway(*names: str) -> Document:
    port = {"number": 80, "name": "http", "protocol": "HTTP"}
    servers = [{"port": port, "hosts": ["*"]}]
    servers += [{"port": {**port, "name": f"http-{name}"}, "hosts": [f"{name}.example"]} for name in names]
    return _networking("Gateway", "airport-gateway", selector={"istio": "ingressgateway"}, servers=servers)


_PERMIT = _security(
    "AuthorizationPolicy", "only-the-gateway", rules=[{"from": [{"source": {"principals": [_PRINCIPAL]}}]}]
)
_STRICT = _security("PeerAuthentication", "cpanel", mtls={"mode": "STRICT"})
_PERMISSIVE = _security("PeerAuthentication", "cpanel", mtls={"mode": "PERMISSIVE"})
_OUTSIDE = _networking(
    "ServiceEntry",
    "outside",
    hosts=["outside.example"],
    ports=[{"number": 8080, "name": "http", "protocol": "HTTP"}],
    resolution="STATIC",
    endpoints=[{"address": "192.0.2.1"}],
)
_BOTH = {"v1": 50, "v2": 50}
# Each takes back what the ones before it did, so that the round can begin again.
KINDS = (
    Kind("weights", _BOTH),
    Kind("weights", {"v2": 100}),
    Kind("new subset", {"blue": 100}, [_rule("blue")]),
    Kind("subset goes", _BOTH, [_rule()]),
    Kind("load balancer", _BOTH, [_rule(loadBalancer={"simple": "ROUND_ROBIN"})]),
    Kind("connection pool", _BOTH, [_rule(connectionPool={"http": {"http1MaxPendingRequests": 1000}})]),
    Kind("outlier detection", _BOTH, [_rule(outlierDetection={"consecutive5xxErrors": 7})]),
    Kind("STRICT", _BOTH, [_STRICT]),
    Kind("PERMISSIVE", _BOTH, [_PERMISSIVE]),
    Kind("authorization", _BOTH, [_PERMIT]),
    Kind("authorization goes", _BOTH, [_rule()], [_PERMIT]),
    Kind("gateway's hosts", _BOTH, [_gateway("one")]),
    Kind("gateway's hosts", _BOTH, [_gateway()]),
    Kind("service entry", _BOTH, [_OUTSIDE]),
    Kind("service entry goes", {"v1": 100}, [], [_OUTSIDE]),
)
