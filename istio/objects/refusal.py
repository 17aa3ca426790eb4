"""How bad objects are refused: every error at once, each with its place and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Place: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a document: keys and list indices from the root."""


def dotted(place: Place) -> str:
    """Return a place as people write it: ``spec.http[0].retries.foo``; the empty string for the whole document."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: file, line (1-based; 0 when unknown), dotted path, and what would be right."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class Refused(ValueError):
    """Objects that were refused; ``errors`` holds every fault found, in document order."""

    def __init__(self, errors: Sequence[Fault]):
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))
