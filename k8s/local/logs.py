"""The logs of a world's containers: bounded, and searched for the calls of some requests."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)
LIMIT = 16 * 2**20
"""Bytes that a log may have before it is put aside; with what was put aside before, it takes twice that at most, and
what is written between two looks."""
EVERY_S = 1.0
NAMES = ("app.log", "proxy.log")
"""What the containers of a pod write to their standard output, calls among it."""
ASIDE = ".1"


async def bound(pods: Path, limit: int = LIMIT) -> None:
    """Look at the logs of all pods below `pods` each second until cancelled; a container that runs is not disturbed."""
    while True:
        await asyncio.sleep(EVERY_S)
        _bound(pods, limit)


def _bound(pods: Path, limit: int) -> None:
    for log in pods.glob("*/*.log"):
        if log.name in NAMES:
            try:
                put_aside(log, limit)
            except OSError as error:  # a disk that is full: the world goes on
                _log.warning("%s cannot be put aside: %s", log, error)


def put_aside(log: Path, limit: int = LIMIT) -> bool:
    """Copy a log that has more than `limit` bytes to LOG.1, in place of an older one, and empty it; say whether.

    The file stays the same one, as whoever writes to it holds it open (and appends): a line that is written between
    copying and emptying is lost.
    """
    try:
        if log.stat().st_size <= limit:
            return False
        shutil.copyfile(log, log.with_name(log.name + ASIDE))
        with log.open("r+b") as file:
            file.truncate()
    except FileNotFoundError:  # the pod is gone
        return False
    return True


def of_pods(pods: Path, names: Iterable[str] = NAMES) -> list[Path]:
    """Find the logs of all pods, what was put aside included."""
    return sorted(path for name in names for path in pods.glob(f"*/{name}*") if path.name in (name, name + ASIDE))


def calls(logs: Iterable[Path], request_ids: Collection[str], since: float) -> Iterator[dict[str, Any]]:
    """Find the records of calls of these requests that began at `since` (seconds since 1970) or later.

    What is no record, such as a torn line, is passed over.
    """
    for log in logs:
        with log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                record = _record(line)
                if record.get("request_id") in request_ids and _time(record) >= since:
                    yield record


def _record(line: str) -> dict[str, Any]:
    if not line.startswith("{"):
        return {}
    try:
        record: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return record


def _time(record: dict[str, Any]) -> float:
    try:
        return datetime.fromisoformat(record["time"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0
