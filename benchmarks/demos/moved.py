"""Istio objects that were written for one namespace, as they would be written for another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from k8s.target import Document

HOMES = ("default", "airport")
"""Where the objects of the demonstrations, and those that let calls in, say that the application is."""
# Fields whose values are references to objects or namespaces, rather than hosts.
_NAMESPACES = ("namespaces", "notNamespaces")
_QUALIFIED = ("gateways", "hosts")


def moved(objects: Iterable[Mapping[str, Any]], namespace: str) -> list[Document]:
    """Put objects, and all that they refer to in their own namespace, into another one.

    What is moved: the objects themselves, full names of hosts (`NAME.default.svc...`), identities (`ns/default/sa/x`),
    namespaces that a rule lists, and names with a namespace before them (`default/airport-gateway`). Short names of
    hosts stay: they are looked up in the namespace of the object. Raises KeyError for an object without metadata.
    """
    return [{**_moved(one, namespace), "metadata": _metadata(one["metadata"], namespace)} for one in objects]


def moved_name(name: str, namespace: str) -> str:
    """Move whatever has a full host name or an identity in it, such as a counter's name."""
    for pattern, there in ((_HOST, rf"\g<1>{namespace}\g<2>"), (_IDENTITY, rf"\g<1>{namespace}\g<2>")):
        name = pattern.sub(there, name)
    return name


_HOST = re.compile(rf"(\.)(?:{'|'.join(HOMES)})(\.svc\b)")
_IDENTITY = re.compile(rf"(\bns/)(?:{'|'.join(HOMES)})(/sa/)")
_BEFORE = re.compile(rf"^(?:{'|'.join(HOMES)})/")


def _metadata(metadata: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    return {
        **metadata,
        "namespace": namespace if metadata.get("namespace", HOMES[0]) in HOMES else metadata["namespace"],
    }


def _moved(value: Any, namespace: str, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _moved(each, namespace, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_moved(each, namespace, key) for each in value]
    if not isinstance(value, str):
        return value
    if key in _NAMESPACES and value in HOMES:
        return namespace
    if key in _QUALIFIED:
        value = _BEFORE.sub(f"{namespace}/", value)
    return moved_name(value, namespace)
