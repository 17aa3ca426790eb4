"""Holds requests back, or answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Effect, Kind, Moment

MAX_DELAY_MS = 600_000.0


def _uniform(rng: Random, shape: float) -> float:
    return rng.uniform(1 - shape, 1 + shape)


def _exponential(rng: Random, _shape: float) -> float:
    return rng.expovariate(1)


def _lognormal(rng: Random, shape: float) -> float:
    return rng.lognormvariate(-shape * shape / 2, shape)


def _pareto(rng: Random, shape: float) -> float:
    return rng.paretovariate(shape) * (shape - 1) / shape


DISTRIBUTIONS: dict[str, tuple[Callable[[Random, float], float], float, float, float]] = {
    "fixed": (lambda _rng, _shape: 1.0, 0, math.inf, 1),
    "uniform": (_uniform, 0, 1, 1),
    "exponential": (_exponential, 0, math.inf, 1),
    "lognormal": (_lognormal, 0, 5, 1),
    "pareto": (_pareto, 1, 100, 2),
}
"""By name: a draw of mean 1, and the bounds and the default of its shape: above the first, up to the second."""


@dataclass(frozen=True, slots=True)
class Delay(Kind):
    """Makes a fraction `rate` of requests wait `delay_ms` on average, drawn for each from a distribution of that mean.

    `shape`: half the width of `uniform` in means, the sigma of `lognormal`, the exponent of `pareto` (2: finite mean,
    infinite variance). `when: after`: the work is done at once, and its answer waits.
    """

    delay_ms: float
    rate: float
    distribution: str
    shape: float
    late: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its fields."""
        delay_ms, rate = fields.number("delay_ms", 0, MAX_DELAY_MS), fields.rate()
        distribution = fields.choice("distribution", list(DISTRIBUTIONS), "fixed")
        _, low, high, default = DISTRIBUTIONS[distribution]
        return cls(delay_ms, rate, distribution, fields.number("shape", low, high, default), fields.late())

    def strike(self, moment: Moment) -> Effect | None:
        """Draw whether, and then for how long."""
        if moment.rng.random() >= self.rate:
            return None
        drawn = self.delay_ms * DISTRIBUTIONS[self.distribution][0](moment.rng, self.shape)
        return Effect(delay_s=min(drawn, MAX_DELAY_MS) / 1000, late=self.late)
