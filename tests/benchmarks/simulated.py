"""Pairs of runs that never ran: what two arms would measure if the truth were known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence

from benchmarks.measures import MEASURES
from benchmarks.verdict import Comparison, compare, judge

Pair = tuple[float, float]
MARGIN = 0.05
ARRIVALS = 90
"""In the fault phase of a cell of `quick`."""


def goodput(rng: random.Random, ours: float, theirs: float, spread: float = 0.02) -> Pair:
    """Two cells' goodput: the shares of ARRIVALS, of a repetition that was a little better or worse for both."""
    shift = rng.gauss(0, spread)
    return _share(rng, ours + shift), _share(rng, theirs + shift)


def _share(rng: random.Random, p: float) -> float:
    return sum(rng.random() < p for _ in range(ARRIVALS)) / ARRIVALS


def normal(rng: random.Random, effect: float = 0.0, sigma: float = 0.05) -> Pair:
    """A difference that is normal, around `effect`."""
    return effect + rng.gauss(0, sigma), 0.0


def skewed(rng: random.Random, median_ratio: float = 1.0, sigma: float = 0.4) -> Pair:
    """Latencies that vary by factors with a long tail: a log-normal times an occasional stall of several times."""
    return median_ratio * _latency(rng, sigma), _latency(rng, sigma)


def _latency(rng: random.Random, sigma: float) -> float:
    return 20 * math.exp(rng.gauss(0, sigma)) * (1 + 4 * (rng.random() < 0.05))


def comparison(
    pairs: Sequence[Pair], measure: str = "goodput", margin: float = MARGIN, scenario: str = "s"
) -> Comparison:
    return compare(scenario, "arm", "base", MEASURES[measure], "fault", margin, pairs)


def verdicts(families: int, size: int, n: int, draw: Callable[[random.Random], Pair], seed: int) -> list[Comparison]:
    """`families` tables of `size` comparisons of `n` pairs, each judged as a report judges it."""
    rng = random.Random(seed)
    found: list[Comparison] = []
    for _ in range(families):
        found += judge([comparison([draw(rng) for _ in range(n)], scenario=f"s{at}") for at in range(size)])
    return found


def share(found: Iterable[bool]) -> tuple[int, int]:
    """How many of how many."""
    listed = list(found)
    return sum(listed), len(listed)
