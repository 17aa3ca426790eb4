"""Verdicts: what may be said about one measure between two arms, from the interval of their difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from benchmarks.effect_size import cliffs_delta
from benchmarks.measures.measure import Measure
from benchmarks.statistics import LEVEL, Interval, holm, paired_difference, paired_ratio

ENOUGH = 5
"""Fewer pairs than this are shown as points, and nothing is concluded from them."""


class Verdict(StrEnum):
    """`none`: too few pairs, or pairs that cannot be judged, such as two runs made apart."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`arm` against `base` on one measure of one scenario. `pairs` are (arm, base) values by repetition.

    `interval` is of the difference or the ratio, as the measure's scale says; `p` is adjusted for its family.
    """

    scenario: str
    arm: str
    base: str
    measure: Measure
    window: str
    margin: float
    pairs: tuple[tuple[float, float], ...]
    interval: Interval | None
    p: float | None = None
    verdict: Verdict = Verdict.NONE

    @property
    def delta(self) -> float | None:
        """Cliff's delta of all values of the arm against all of the base."""
        return cliffs_delta([a for a, _ in self.pairs], [b for _, b in self.pairs])


def compare(
    scenario: str,
    arm: str,
    base: str,
    measure: Measure,
    window: str,
    margin: float,
    pairs: Sequence[tuple[float, float]],
    resolution: float = 0.0,
) -> Comparison:
    """Set two arms against each other; the verdict comes from `judge`, which sees the whole family.

    `resolution`: what a difference is known to at best (see paired_difference); a ratio has none.
    """
    interval = changed(measure, pairs, resolution)
    return Comparison(scenario, arm, base, measure, window, margin, tuple(pairs), interval)


def changed(measure: Measure, pairs: Sequence[tuple[float, float]], resolution: float = 0.0) -> Interval | None:
    """The interval of a measure's change, on its own scale; None where the pairs have none."""
    return paired_ratio(pairs) if measure.scale == "ratio" else paired_difference(pairs, resolution=resolution)


def judge(family: Sequence[Comparison]) -> list[Comparison]:
    """Give each comparison its verdict, with Holm's correction over those of the family that are tested at all."""
    tested = {at: c.interval.p for at, c in enumerate(family) if c.interval and len(c.pairs) >= ENOUGH}
    adjusted = dict(zip(tested, holm([p for p in tested.values() if p is not None]), strict=True))
    return [_judged(c, adjusted[at]) if at in adjusted else c for at, c in enumerate(family)]


def _judged(comparison: Comparison, p: float) -> Comparison:
    """Equivalent: the whole interval lies within the margin. Better or worse: real (p) and large enough to matter.

    A difference that is real and within the margin is equivalent: it does not matter in practice.
    One that is real, but whose estimate does not reach the margin while its interval does, is inconclusive.
    """
    interval = comparison.interval
    if interval is None:
        raise AssertionError("only comparisons with an interval are judged")
    least, most = bounds(comparison)
    if least <= interval.low and interval.high <= most:
        return replace(comparison, p=p, verdict=Verdict.EQUIVALENT)
    if p > 1 - LEVEL or least < interval.estimate < most:
        return replace(comparison, p=p, verdict=Verdict.INCONCLUSIVE)
    higher = interval.estimate >= most
    better = higher == (comparison.measure.better == "higher")
    return replace(comparison, p=p, verdict=Verdict.BETTER if better else Verdict.WORSE)


def bounds(comparison: Comparison) -> tuple[float, float]:
    """The differences, or ratios, between which two arms are equal in practice: a ratio as far down as up."""
    margin = comparison.margin
    return (1 / (1 + margin), 1 + margin) if comparison.measure.scale == "ratio" else (-margin, margin)
