"""Fails a number of requests, and is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Effect, Kind, Moment


@dataclass(frozen=True, slots=True)
class FailFirst(Kind):
    """Answers `status` to the next `count` requests."""

    count: int
    status: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its fields."""
        return cls(fields.whole("count", 1, 10**9), fields.status())

    def strike(self, _moment: Moment) -> Effect | None:
        """Fail, always."""
        return Effect(end=self.status)

    def over(self, turn: int) -> bool:
        """Tell whether enough have failed."""
        return turn >= self.count
