"""Counts of independent trials: whether one may be by chance, by exact tails, and how finely a share can be known."""

from __future__ import annotations

from math import exp, lgamma, log, log1p, sqrt

FALSE_ALARM = 1e-6
"""The probability that a count which does come from such trials is said not to."""


def resolution(trials: int) -> float:
    """How finely a share of `trials` trials can be known at best: a standard deviation, for a share of 0 or 1.

    That of the posterior under Jeffreys' prior, Beta(1/2, trials + 1/2). Source: Brown, Cai and DasGupta (2001).
    """
    share = 0.5 / (trials + 1)
    return sqrt(share * (1 - share) / (trials + 2))


def within(seen: int, trials: int, share: float) -> bool:
    """Whether neither exact tail beyond `seen` of `trials` is rarer than half of FALSE_ALARM, for 0 < share < 1."""
    # by logarithms: the number of ways to choose some of 1100 is beyond a float
    chances = [exp(_log_ways(trials, k) + k * log(share) + (trials - k) * log1p(-share)) for k in range(trials + 1)]
    return min(sum(chances[: seen + 1]), sum(chances[seen:])) > FALSE_ALARM / 2


def _log_ways(trials: int, k: int) -> float:
    return lgamma(trials + 1) - lgamma(k + 1) - lgamma(trials - k + 1)
