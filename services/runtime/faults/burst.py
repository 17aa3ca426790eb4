"""Errors come in bursts, with quiet between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Effect, Kind, Moment

LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Burst(Kind):
    """For `on_s` seconds answers `status` to a fraction `rate` of requests, then works for `off_s`, and so on.

    By the clock and not by draws of a Markov chain (Gilbert 1960), so that every arm meets the same bursts.
    announced: each error says in Retry-After when its burst is over, rounded up to the whole seconds that HTTP has.
    """

    status: int
    rate: float
    on_s: float
    off_s: float
    announced: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its fields."""
        on_s, off_s = (fields.number(name, 0, LONGEST_S) for name in ("on_s", "off_s"))
        return cls(fields.status(), fields.rate(), on_s, off_s, fields.flag("announced"))

    def strike(self, moment: Moment) -> Effect | None:
        """Draw for one request, while there is a burst."""
        left_s = self.on_s - moment.age_s % (self.on_s + self.off_s)
        if left_s <= 0 or moment.rng.random() >= self.rate:
            return None
        return Effect(end=self.status, retry_after_s=math.ceil(left_s) if self.announced else None)
