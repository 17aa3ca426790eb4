"""Accepts requests and never answers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Cut, Effect, Kind, Moment


@dataclass(frozen=True, slots=True)
class Hang(Kind):
    """A fraction `rate` of requests gets no answer; when the fault is over, their connections are reset.

    `when: after`: the work is done, and nobody hears of it. Probes are answered, so that no kubelet notices.
    """

    lasting: ClassVar[bool] = True

    rate: float
    late: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its fields."""
        return cls(fields.rate(), fields.late())

    def strike(self, moment: Moment) -> Effect | None:
        """Draw for one request."""
        return Effect(end=Cut.HANG, late=self.late) if moment.rng.random() < self.rate else None
