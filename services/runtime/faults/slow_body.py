"""The head of an answer comes at once, and its body slowly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Body, Effect, Kind, Moment


@dataclass(frozen=True, slots=True)
class SlowBody(Kind):
    """A fraction `rate` of answers leaves at `bytes_per_s`."""

    bytes_per_s: float
    rate: float

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its fields."""
        return cls(fields.number("bytes_per_s", 0, 1e9), fields.rate())

    def strike(self, moment: Moment) -> Effect | None:
        """Draw for one answer."""
        return Effect(body=Body(bytes_per_s=self.bytes_per_s)) if moment.rng.random() < self.rate else None
