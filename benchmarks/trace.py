"""The calls of one request, read from the logs of its world, as the tree that they were."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

OUTSIDE = "outside"
"""Who calls without saying who it is."""


@dataclass(frozen=True, slots=True)
class Call:
    """One record of a log (services/runtime/calls.py, istio/call_log.py): times in seconds since 1970 and ms.

    `span`: for an application, its own; for a proxy, that of the application's attempt which it carries out.
    """

    time: float
    ms: float
    kind: str
    by: str
    pod: str
    service: str
    peer: str
    method: str
    path: str
    status: int
    flag: str
    attempt: int | None
    host: str
    request_id: str
    span: str
    parent: str

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Call:
        """Read a record; raises KeyError, TypeError or ValueError for anything else."""
        attempt, parts = value.get("attempt"), str(value["traceparent"] or "").split("-")
        return cls(
            time=datetime.fromisoformat(value["time"]).timestamp(),
            ms=float(value["ms"]),
            kind=str(value["kind"]),
            by=str(value["by"]),
            pod=str(value["pod"]),
            service=str(value["service"]),
            peer=OUTSIDE if value["peer"] in (None, "-", "unknown") else str(value["peer"]).partition(":")[0],
            method=str(value["method"]),
            path=str(value["path"]),
            status=int(value["status"]),
            flag="" if value["flag"] in (None, "-") else str(value["flag"]),
            attempt=None if attempt in (None, "-") else int(attempt),  # a sidecar's tries are counted by `tree`
            host=str(value.get("host") or ""),
            request_id=str(value["request_id"]),
            span=parts[2] if len(parts) == 4 else "",
            parent=str(value.get("parent") or ""),
        )


@dataclass(slots=True)
class Node:
    """A call, and what it caused, in the order in which it began."""

    call: Call
    children: list[Node] = field(default_factory=list)


def read(logs: Iterable[Path], request_id: str) -> list[Call]:
    """Find the records of a request in log files, packed by gzip or not.

    What is none there, such as a torn line, is passed over.
    """
    return [call for path in logs for call in _records(path, request_id)]


def _records(path: Path, request_id: str) -> Iterator[Call]:
    wanted = json.dumps(request_id)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if wanted not in line or not line.startswith("{"):  # most lines are other requests': do not parse those
                continue
            try:
                call = Call.from_json(json.loads(line))
            except (KeyError, TypeError, ValueError):
                continue
            if call.request_id == request_id:
                yield call


def tree(calls: Iterable[Call]) -> list[Node]:
    """Put each call below the one that caused it; one whose cause is in no log is a root, so that none is lost."""
    left = sorted(calls, key=lambda call: call.time)
    roots = []
    while left:
        roots.append(_grown(left.pop(0), left))
    return roots


def _grown(call: Call, left: list[Call]) -> Node:
    node = Node(call)
    for generation in _below(call):
        found = [other for other in left if generation(other)]
        if found:
            for other in found:
                left.remove(other)
            if (found[0].by, found[0].kind) == ("proxy", "attempt"):
                found = [replace(other, attempt=number) for number, other in enumerate(found, start=1)]
            # all of one generation are claimed before any of them claims its own; what then is left of the next ones
            # is there because a record between them is missing
            node.children += [_grown(other, left) for other in found]
    node.children.sort(key=lambda child: child.call.time)
    return node


def _below(call: Call) -> list[Any]:
    """Say what the calls that this one caused look like, nearest first: a bench's sidecars log only what failed."""

    def by_app(kind: str) -> Any:
        return lambda other: (other.by, other.kind, other.parent) == ("app", kind, call.span)

    def by_proxy(kind: str, *, here: bool) -> Any:
        return lambda other: (
            (other.by, other.kind, other.span) == ("proxy", kind, call.span) and (not here or other.pod == call.pod)
        )

    def same_try(test: Any) -> Any:
        return lambda other: test(other) and (None in (call.attempt, other.attempt) or call.attempt == other.attempt)

    def same_pod(test: Any) -> Any:
        return lambda other: test(other) and other.pod == call.pod

    match call.by, call.kind:
        case "app", "served":
            return [same_pod(by_app("call"))]
        case "app", "call":
            return [by_app("attempt")]
        case "app", "attempt":
            return [
                by_proxy("call", here=True),
                by_proxy("attempt", here=True),
                by_proxy("served", here=False),
                by_app("served"),
            ]
        case "proxy", "call":
            return [by_proxy("attempt", here=True), by_proxy("served", here=False), by_app("served")]
        case "proxy", "attempt":
            return [same_try(by_proxy("served", here=False)), same_try(by_app("served"))]
        case "proxy", "served":
            return [same_pod(same_try(by_app("served")))]
        case _:
            return []
