"""The rows of a run: one line for each arrival, in a gzip'd CSV that is either whole or not there."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from pathlib import Path

COLUMNS = ("index", "at", "sent", "end", "entry", "frame_id", "status", "outcome")


class Outcome(StrEnum):
    """What became of an arrival. Only `success` has done what it was for."""

    SUCCESS = "success"  # a whole answer, 2xx
    FALLBACK = "fallback"  # a whole answer, 2xx, that says it is an old one
    REJECTED = "rejected"  # 503: something on the way refused it
    TIMEOUT = "timeout"  # 504, or no whole answer within the generator's own timeout
    ERROR = "error"  # any other status
    CONNECTION = "connection"  # refused, reset or cut off: no whole answer
    DROPPED = "dropped"  # never sent: as many requests in flight as the generator may have


@dataclass(frozen=True, slots=True)
class Row:
    """One arrival. `at` (intended), `sent`, `end` in seconds since the run's start; None where it never came to it."""

    index: int
    at: float
    sent: float | None
    end: float | None
    entry: str
    frame_id: str
    status: int | None
    outcome: Outcome

    @property
    def latency_s(self) -> float | None:
        """Seconds from the *intended* time to the end, so that waiting to be sent counts."""
        return None if self.end is None else self.end - self.at

    @property
    def lateness_s(self) -> float | None:
        """Seconds from the intended time to the time it was sent: the generator's own fault."""
        return None if self.sent is None else self.sent - self.at


class RowsFile:
    """Where the rows of one run go. The name appears only when the file is complete.

    Made before the run, so that a path that cannot be written is found before any load is sent.
    Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._part.touch()

    def write(self, rows: Iterable[Row]) -> None:
        """Write all rows, ordered by index, and give the file its name."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_cells(row) for row in sorted(rows, key=attrgetter("index")))
        # mtime=0: the same rows give the same bytes, so that checksums can be compared
        self._part.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=6, mtime=0))
        self._part.replace(self._path)


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a run, ordered by index. Raises OSError, and ValueError when the file is not one of ours."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        if tuple(next(lines, ())) != COLUMNS:
            raise ValueError(f"{path}: the first line must be {','.join(COLUMNS)}")
        return [_row(line) for line in lines]


def _cells(row: Row) -> tuple[object, ...]:
    times = (f"{row.at:.6f}", _seconds(row.sent), _seconds(row.end))
    return row.index, *times, row.entry, row.frame_id, "" if row.status is None else row.status, row.outcome


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _row(line: list[str]) -> Row:
    index, at, sent, end, entry, frame_id, status, outcome = line
    return Row(
        int(index),
        float(at),
        float(sent) if sent else None,
        float(end) if end else None,
        entry,
        frame_id,
        int(status) if status else None,
        Outcome(outcome),
    )
