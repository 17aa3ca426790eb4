"""Tables as data: what every format prints, and nothing of how it looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "good", "bad", "doubt", "quiet"]
Figure = float | int | str | None


@dataclass(frozen=True, slots=True)
class Value:
    """One field of a table: as a person reads it, and the figures behind it for a program."""

    text: str
    figures: Mapping[str, Figure]
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """`key` names the column for programs. Words are aligned left, figures right."""

    key: str
    title: str
    align: Literal["left", "right"] = "right"


@dataclass(frozen=True, slots=True)
class Table:
    """`about` says in a sentence how to read it. Rows with the same `group` belong together (a scenario)."""

    key: str
    title: str
    about: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caution:
    """Something that limits what the tables can say, and what to do about it."""

    what: str
    do: str


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report, top to bottom: what was compared, tables, notes, warnings.

    Raises ValueError when two tables have one key: a reader of JSON, or of a page, would be given one of them alone.
    """

    title: str
    summary: tuple[str, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    warnings: tuple[Caution, ...]

    def __post_init__(self) -> None:
        """Hold the keys apart."""
        keys = Counter(table.key for table in self.tables)
        if twice := [key for key, times in keys.items() if times > 1]:
            raise ValueError(f"several tables of a report have the key {', '.join(twice)}: each must have its own")


def word(text: str, tone: Tone = "plain") -> Value:
    """A field that is a word."""
    return Value(text, {"text": text}, tone)


def figure(text: str, value: Figure, tone: Tone = "plain", **more: Figure) -> Value:
    """A field that is a number, with whatever qualifies it (low, high, n)."""
    return Value(text, {"value": value, **more}, tone)


def table(
    key: str, title: str, about: str, columns: Sequence[Column], grouped: Sequence[tuple[str, Sequence[Value]]]
) -> Table:
    """Make a table of (group, row) pairs. Raises ValueError when a row does not fit the columns."""
    rows = tuple(tuple(row) for _, row in grouped)
    if any(len(row) != len(columns) for row in rows):
        raise ValueError(f"{key}: a row has not {len(columns)} fields")
    return Table(key, title, about, tuple(columns), rows, tuple(group for group, _ in grouped))
