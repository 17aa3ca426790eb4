"""Answers an error instead of working."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Effect, Kind, Moment


@dataclass(frozen=True, slots=True)
class Abort(Kind):
    """Answers `status` to a fraction `rate` of requests; `when: after`, although the work is done."""

    status: int
    rate: float
    late: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its fields."""
        return cls(fields.status(), fields.rate(), fields.late())

    def strike(self, moment: Moment) -> Effect | None:
        """Draw for one request."""
        return Effect(end=self.status, late=self.late) if moment.rng.random() < self.rate else None
