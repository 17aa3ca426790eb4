"""Single settings of a policy set, changed by their path: what a sweep varies, the same in every arm."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from istio.objects.document import Document
from istio.objects.parse import Objects, parse
from istio.objects.refusal import Fault, Refused, dotted

OF_ROUTES = ("retries", "timeout")
OF_TRAFFIC = ("connectionPool", "loadBalancer", "outlierDetection", "retryBudget")
ROOTS = (*OF_ROUTES, *OF_TRAFFIC)
"""Where a path may begin: in every route of the set, or in the trafficPolicy of every DestinationRule of it."""


def changed(objects: Objects, settings: Mapping[str, Any]) -> Objects:
    """The same objects with `settings`, {"retries.attempts": 3}, in each of them that can carry such a one.

    No retries (`retries.attempts` 0) takes what else is said of retries with it, as Istio wants it. A setting that no
    object can carry changes nothing: ask `uncarried` before.

    Raises:
        Refused: a path does not exist, or its value is none that it may have.

    """
    if not settings:
        return objects
    documents = [copy.deepcopy(one) for one in objects.to_data()]
    for one in documents:
        for block, roots in _blocks(one):
            for path, value in settings.items():
                if path.partition(".")[0] in roots:
                    _set(block, path, value)
            if block.get("retries", {}).get("attempts") == 0:
                block["retries"] = {"attempts": 0}
    return parse([Document(one) for one in documents])


def uncarried(objects: Objects, paths: Iterable[str]) -> dict[str, str]:
    """Those of the paths that no object here can carry, and the kind of which there is none."""
    there = {root for one in objects.to_data() for _, roots in _blocks(one) for root in roots}
    kinds = {path: "VirtualService" if path.partition(".")[0] in OF_ROUTES else "DestinationRule" for path in paths}
    return {path: kind for path, kind in kinds.items() if path.partition(".")[0] not in there}


def check(settings: Mapping[str, Any]) -> None:
    """Find out whether settings can be made at all. Raises Refused, with their own paths in it."""
    # beside retries as a policy set has them: without any, nothing more may be said of retries
    route = {"route": [{"destination": {"host": "any"}}], "retries": {"attempts": 2}}
    spec: dict[str, dict[str, Any]] = {
        "VirtualService": {"hosts": ["any"], "http": [route]},
        "DestinationRule": {"host": "any", "trafficPolicy": {}},
    }
    objects = parse([Document(_object(kind, body)) for kind, body in spec.items() if kind == "VirtualService"])
    try:
        changed(objects, {path: value for path, value in settings.items() if path.partition(".")[0] in OF_ROUTES})
        traffic = {path: value for path, value in settings.items() if path.partition(".")[0] in OF_TRAFFIC}
        for path, value in traffic.items():
            _set(spec["DestinationRule"]["trafficPolicy"], path, value)
        if traffic:
            parse([Document(_object("DestinationRule", spec["DestinationRule"]))])
    except Refused as refused:
        raise Refused([Fault("", 0, _short(fault.path), fault.message) for fault in refused.errors]) from None


def _object(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": "any", "namespace": "any"}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": dict(spec)}


def _blocks(document: Mapping[str, Any]) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    """What of a document a path begins in, and the roots that it has."""
    if document["kind"] == "VirtualService":
        return [(route, OF_ROUTES) for route in document["spec"].get("http", ())]
    if document["kind"] == "DestinationRule":
        return [(document["spec"].setdefault("trafficPolicy", {}), OF_TRAFFIC)]
    return []


def _set(block: dict[str, Any], path: str, value: Any) -> None:
    *way, last = path.split(".")
    for at, step in enumerate(way):
        block = block.setdefault(step, {})
        if not isinstance(block, dict):
            raise Refused([Fault("", 0, dotted(tuple(way[: at + 1])), "has no fields")])
    block[last] = value


def _short(path: str) -> str:
    return path.removeprefix("spec.http[0].").removeprefix("spec.trafficPolicy.")
