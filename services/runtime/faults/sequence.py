"""Answers by a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Effect, Kind, Moment


@dataclass(frozen=True, slots=True)
class Sequence(Kind):
    """Request number `turn` gets `statuses[turn]`, where 200 lets it through; then it is over."""

    statuses: tuple[int, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its field."""
        return cls(fields.statuses())

    def strike(self, moment: Moment) -> Effect | None:
        """Look up one request."""
        status = self.statuses[moment.turn]
        return None if status == 200 else Effect(end=status)

    def over(self, turn: int) -> bool:
        """Tell whether the script has been played."""
        return turn >= len(self.statuses)
