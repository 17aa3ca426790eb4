"""The calls of a cell's failed requests, kept with the run: `goaround trace ID --run RUN` shows them as a tree.

What services did is held in their memory, what sidecars saw fail is in their logs; both are asked once the cell has
been measured, and for MOST requests at most. Whatever a pod held when it was killed is lost.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pods import Pods
from benchmarks.storage import write_whole
from k8s.target import World
from loadtests.rows import Outcome, Row

MOST = 100
SUFFIX = "calls.jsonl.gz"
"""What a cell's file of calls ends with, beside its rows."""
_ROWS = "csv.gz"


def failed(rows: Iterable[Row], most: int = MOST) -> list[str]:
    """Choose requests that arrived and failed: all, or `most` of them, evenly over the cell and from every outcome."""
    known = [row for row in rows if row.outcome not in (Outcome.SUCCESS, Outcome.DROPPED)]
    if len(known) <= most:
        return [row.frame_id for row in known]
    first = {row.outcome: row for row in reversed(known)}
    even = (known[index * len(known) // most] for index in range(most))
    chosen = {row.index: row for row in (*first.values(), *even)}
    return [row.frame_id for row in sorted(list(chosen.values())[:most], key=lambda row: row.index)]


async def gather(world: World, pods: Pods, request_ids: Sequence[str], since: float) -> list[dict[str, Any]]:
    """Ask services and sidecars for the records of these requests since a time (seconds since 1970), oldest first.

    Raises PodUnreachable, TargetError.
    """
    if not request_ids:
        return []
    services, sidecars = await asyncio.gather(pods.calls(request_ids), world.proxy_calls(request_ids, since))
    return sorted([*services, *sidecars], key=lambda record: str(record["time"]))


def beside(rows: Path) -> Path:
    """Name the file of calls that belongs to a cell's file of rows."""
    return rows.with_name(rows.name.removesuffix(_ROWS) + SUFFIX)


def write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write the records, a JSON line each. Raises CannotWrite."""
    lines = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    write_whole(path, gzip.compress(lines.encode(), compresslevel=6, mtime=0))


def ids(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Name the requests that these records are of, each once."""
    yield from dict.fromkeys(str(record["request_id"]) for record in records)
