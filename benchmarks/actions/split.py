"""A service's calls split between its versions by weight: the Istio objects that say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from k8s.render import NAMESPACE


class NotSplit(ValueError):
    """What a service's objects say cannot be split; the message names the object and what is in the way."""


def split(there: Iterable[Mapping[str, Any]], host: str, weights: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the VirtualService and the DestinationRule of `host` that send each version its share, in per cent.

    They say besides what those among `there` say of the host: its retries, timeouts, limits and ejection act on every
    version. Raises NotSplit when a route of the host is split or sent elsewhere already.
    Source: Istio, "Traffic Management" (routing rules with weights; subsets).
    """
    known = list(there)
    route = _of("VirtualService", known, host) or {
        **_object("VirtualService", host),
        "spec": {"hosts": [host], "http": [{"route": [{"destination": {"host": host}}]}]},
    }
    rule = _of("DestinationRule", known, host) or {**_object("DestinationRule", host), "spec": {"host": host}}
    if rule["spec"].get("subsets"):
        raise NotSplit(f"DestinationRule {rule['metadata']['name']}: spec.subsets: it has versions of its own")
    subsets = [{"name": version, "labels": {"version": version}} for version in weights]
    return [
        {**route, "spec": {**route["spec"], "http": [_weighted(one, route, weights) for one in route["spec"]["http"]]}},
        {**rule, "spec": {**rule["spec"], "subsets": subsets}},
    ]


def shifted(route: Mapping[str, Any], weights: Mapping[str, int]) -> dict[str, Any]:
    """Return a VirtualService that `split` has made, with other weights."""
    http = [
        {**one, "route": [{**to, "weight": weights[to["destination"]["subset"]]} for to in one["route"]]}
        for one in route["spec"]["http"]
    ]
    return {**route, "spec": {**route["spec"], "http": http}}


def _weighted(http: Mapping[str, Any], route: Mapping[str, Any], weights: Mapping[str, int]) -> dict[str, Any]:
    to = http.get("route") or []
    if len(to) != 1 or "subset" in to[0]["destination"]:
        name = route["metadata"]["name"]
        raise NotSplit(f"VirtualService {name}: spec.http.route: a canary needs one destination, without a subset")
    (one,) = to
    shares = [
        {**one, "destination": {**one["destination"], "subset": version}, "weight": weight}
        for version, weight in weights.items()
    ]
    return {**http, "route": shares}


def _of(kind: str, objects: Iterable[Mapping[str, Any]], host: str) -> Mapping[str, Any] | None:
    names = {host, f"{host}.{NAMESPACE}", f"{host}.{NAMESPACE}.svc", f"{host}.{NAMESPACE}.svc.cluster.local"}
    for one in objects:
        spec = one.get("spec") or {}
        hosts = spec.get("hosts", []) if kind == "VirtualService" else [spec.get("host")]
        if one.get("kind") == kind and names & set(hosts):
            return one
    return None


def _object(kind: str, host: str) -> dict[str, Any]:
    metadata = {"name": host, "namespace": NAMESPACE}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata}
