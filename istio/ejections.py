"""Envoy's log of outlier detection: who was ejected from which cluster, and when; and when the host returned."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

_OUTBOUND = re.compile(r"outbound\|\d+\|[^|]*\|(?P<host>[^;]+)")
_KINDS: dict[str, Literal["ejection", "return"]] = {"EJECT": "ejection", "UNEJECT": "return"}


@dataclass(frozen=True, slots=True)
class Ejection:
    """One line: `at` in seconds since 1970, the callee's service, the host's HOST:PORT, and its `ejection` or `return`.

    An ejection that `maxEjectionPercent` forbade is not one, and is not here.
    """

    at: float
    callee: str
    host: str
    kind: Literal["ejection", "return"]


def read_ejections(path: Path) -> list[Ejection]:
    """Read an event log; a file that is not there yet, and a line that is still being written, hold nothing."""
    return parse_ejections(path.read_text(encoding="utf-8")) if path.exists() else []


def parse_ejections(text: str) -> list[Ejection]:
    """Read the events out of a log; lines of others, broken ones, and one that is being written are left out."""
    return [one for line in text.splitlines(keepends=True) if (one := _read(line))]


def _read(line: str) -> Ejection | None:
    if not line.endswith("\n") or not line.startswith("{") or '"cluster_name"' not in line:
        return None
    try:
        event = json.loads(line)
        cluster = _OUTBOUND.fullmatch(event["cluster_name"].rstrip(";"))
        # Envoy leaves out what has its default: EJECT is the first of its enum, and enforced is false
        kind = _KINDS[event.get("action", "EJECT")]
        if cluster is None or (kind == "ejection" and not event.get("enforced", False)):
            return None
        at = datetime.fromisoformat(event["timestamp"]).timestamp()
        return Ejection(at, cluster["host"].partition(".")[0], event["upstream_url"], kind)
    except (ValueError, KeyError, TypeError, AttributeError):
        # a sidecar's log has several writers, whose lines may run into each other
        return None
