"""Calls are held back, or their answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from benchmarks.faults.in_app import Evidence, InAppSpec
from benchmarks.faults.spec import Rate
from benchmarks.faults.when import When

SHAPES = {"uniform": (0.0, 1.0), "lognormal": (0.0, 5.0), "pareto": (1.0, 100.0)}
"""The bounds of `shape`, the lower one excluded: half the width in means, sigma, exponent."""


class Delay(InAppSpec):
    """Holds a share `rate` of the requests back for `delay_ms`, which is the mean of the distribution."""

    proven: ClassVar[Evidence] = "probes"

    kind: Literal["delay"]
    delay_ms: Annotated[float, Field(gt=0, le=600_000)]
    rate: Rate = 1.0
    distribution: Literal["fixed", "uniform", "exponential", "lognormal", "pareto"] = "fixed"
    shape: Annotated[float, Field(gt=0)] | None = None
    when: When = "before"

    def problems(self, fault_s: float) -> Iterator[str]:
        """A shape fits its distribution."""
        yield from super().problems(fault_s)
        if self.shape is None:
            return
        if self.distribution not in SHAPES:
            yield f"shape: {self.distribution} has none; leave it out"
            return
        low, high = SHAPES[self.distribution]
        if not low < self.shape <= high:
            yield f"shape: of {self.distribution} it is above {low:g}, up to {high:g}"
