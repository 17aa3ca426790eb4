"""Intervals for a few runs, paired or not. The run is the unit of replication, never the request.

Except where a closed form says that requests are independent trials, and is held against them: `wilson`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its two-sided confidence interval, from `n` values.

    `p` is the two-sided p-value of "no difference" (0 for a difference, 1 for a ratio); None where nothing is tested.
    """

    estimate: float
    low: float
    high: float
    n: int
    p: float | None = None


def student_t_within(t: float, df: int) -> float:
    """P(-t <= T <= t) for Student's t with `df` >= 1 degrees of freedom and t >= 0.

    The finite sums for whole degrees of freedom, exact but for rounding:
    Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3 (odd) and 26.7.4 (even).
    """
    angle = math.atan2(t, math.sqrt(df))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = df % 2
    # cos theta + 2/3 cos^3 theta + ...  (odd)     1 + 1/2 cos^2 theta + (1*3)/(2*4) cos^4 theta + ...  (even)
    term = cosine if odd else 1.0
    total = 0.0
    for power in range(odd, df - 1, 2):
        total += term
        term *= (power + 1) / (power + 2) * cosine * cosine
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def student_t_quantile(p: float, df: int) -> float:
    """The value that T with `df` degrees of freedom stays below with probability `p` (0 < p < 1).

    Inverts student_t_within by bisection, to the precision of a float.
    """
    if p < 0.5:
        return -student_t_quantile(1 - p, df)
    wanted, low, high = 2 * p - 1, 0.0, 1.0
    while student_t_within(high, df) < wanted:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if student_t_within(middle, df) < wanted else (low, middle)
    return high


def paired_difference(
    pairs: Sequence[tuple[float, float]], level: float = LEVEL, resolution: float = 0.0
) -> Interval | None:
    """Mean of a - b over the pairs, with Student's t interval; None below two pairs.

    `resolution`: the standard deviation that one difference has at least, by how it was counted. Five cells in which
    nothing failed are no proof that nothing can, and pairs that agree by their coarseness must not look precise.
    Without it and without any spread the interval is the estimate itself, and Student's t has nothing to say: then p
    is that of the sign test, 1 for no difference, and 2^(1-n) for n times the same one.
    """
    return _interval([a - b for a, b in pairs], level, resolution)


def paired_ratio(pairs: Sequence[tuple[float, float]], level: float = LEVEL) -> Interval | None:
    """Geometric mean of a / b over the pairs: the interval of the mean of log(a / b), turned back.

    Latencies and costs are positive and vary by factors, so that their logarithms are nearer to normal.
    None below two pairs, or when a value is not above zero.
    """
    if any(a <= 0 or b <= 0 for a, b in pairs):
        return None
    logs = _interval([math.log(a / b) for a, b in pairs], level)
    if logs is None:
        return None
    return Interval(math.exp(logs.estimate), math.exp(logs.low), math.exp(logs.high), logs.n, logs.p)


def mean_share(shares: Sequence[float], level: float = LEVEL, resolution: float = 0.0) -> Interval | None:
    """Mean of the shares of a few runs, with Student's t interval as far as it lies in [0, 1]; None below two.

    `resolution`: the standard deviation that one share has at least, as in `paired_difference`.
    """
    found = _interval(shares, level, resolution)
    return found and Interval(found.estimate, max(0.0, found.low), min(1.0, found.high), found.n)


def _interval(values: Sequence[float], level: float, resolution: float = 0.0) -> Interval | None:
    n = len(values)
    if n < 2:
        return None
    mean, error = fmean(values), max(stdev(values), resolution) / math.sqrt(n)
    half = student_t_quantile((1 + level) / 2, n - 1) * error
    # differences of equal values leave rounding errors of their own: below 1e-12 there is no spread
    if error <= 1e-12 * max(1.0, abs(mean)):
        return Interval(mean, mean - half, mean + half, n, p=1.0 if abs(mean) <= 1e-12 else 2.0 ** (1 - n))
    return Interval(mean, mean - half, mean + half, n, p=1 - student_t_within(abs(mean) / error, n - 1))


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval | None:
    """Interval of a proportion of independent trials; None for no trial.

    Unlike the textbook's interval it holds near 0 and 1 and for small n.
    Source: Wilson (1927), recommended by Brown, Cai and DasGupta (2001).
    """
    if n == 0:
        return None
    z, share = NormalDist().inv_cdf((1 + level) / 2), successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # at 0 and n the bound is the share itself; only rounding says otherwise
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(share, low, high, n)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for having been tested together; returned in the order given.

    The i-th smallest of m is multiplied by m - i + 1, and none falls below its predecessor. Source: Holm (1979).
    """
    adjusted, floor = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = floor
    return adjusted
