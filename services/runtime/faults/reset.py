"""Resets connections instead of answering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Cut, Effect, Kind, Moment


@dataclass(frozen=True, slots=True)
class Reset(Kind):
    """A fraction `rate` of requests ends with TCP's RST; `when: after`, although the work is done."""

    rate: float
    late: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its fields."""
        return cls(fields.rate(), fields.late())

    def strike(self, moment: Moment) -> Effect | None:
        """Draw for one request."""
        return Effect(end=Cut.RESET, late=self.late) if moment.rng.random() < self.rate else None
