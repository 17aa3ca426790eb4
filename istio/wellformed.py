"""Kubernetes objects as the mesh reads them: what it looks at is there, in the shape that Kubernetes gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from istio.objects.document import Document
from istio.objects.refusal import Fault, Place

_READ = ("Pod", "Service", "EndpointSlice")


def malformations(document: Document) -> Iterator[Fault]:
    """Find what is missing or misshapen in an object that the mesh reads; other kinds are not looked at."""
    if document.kind not in _READ:
        return
    lists: dict[str, tuple[Place, ...]] = {"Pod": (("spec", "containers"),), "Service": (("spec", "ports"),)}
    blocks: list[Place] = [("metadata",), ("metadata", "labels"), ("spec",), ("status",), ("spec", "selector")]
    for block in blocks:
        if not isinstance(_at(document.data, block) or {}, Mapping):
            yield document.fault(block, "must be an object")
    if not isinstance(_at(document.data, ("metadata", "name")), str):
        yield document.fault(("metadata", "name"), "is missing; it is required")
    for place in lists.get(document.kind, (("endpoints",), ("ports",))):
        yield from _malformed_list(document, place)


def _malformed_list(document: Document, place: Place) -> Iterator[Fault]:
    items = _at(document.data, place) or []
    if not isinstance(items, list):
        yield document.fault(place, "must be a list")
        return
    for index, item in enumerate(items):
        here: Place = (*place, index)
        if not isinstance(item, Mapping):
            yield document.fault(here, "must be an object")
        elif place[-1] == "ports" and not isinstance(item.get("port"), int):
            yield document.fault((*here, "port"), "must be a number")
        elif place[-1] == "endpoints" and not (isinstance(item.get("addresses"), list) and item["addresses"]):
            yield document.fault((*here, "addresses"), "must be a list of addresses")
        elif place[-1] == "endpoints" and not isinstance(item.get("conditions") or {}, Mapping):
            yield document.fault((*here, "conditions"), "must be an object")
        elif place[-1] == "endpoints" and not isinstance(item.get("targetRef") or {}, Mapping):
            yield document.fault((*here, "targetRef"), "must be an object")


def _at(data: Any, place: Place) -> Any:
    for key in place:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data
