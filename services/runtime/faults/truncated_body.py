"""Answers break off in the middle of their body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Body, Effect, Kind, Moment


@dataclass(frozen=True, slots=True)
class TruncatedBody(Kind):
    """Of a fraction `rate` of answers only this `share` of the promised bytes is sent; then the connection closes."""

    share: float
    rate: float

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its fields."""
        share = fields.number("share", 0, 1, 0.5)
        if share == 1:
            fields.errors.append("share: must be below 1: all of a body is not truncated")
        return cls(share, fields.rate())

    def strike(self, moment: Moment) -> Effect | None:
        """Draw for one answer."""
        return Effect(body=Body(share=self.share)) if moment.rng.random() < self.rate else None
