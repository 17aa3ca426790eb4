"""Whether a count may come from independent trials, by the exact binomial tails: right for few trials too."""

from __future__ import annotations

from math import comb

FALSE_ALARM = 1e-6
"""The probability that a count which does come from such trials is said not to."""


def within(seen: int, trials: int, share: float) -> bool:
    """Whether neither tail beyond `seen` of `trials` is rarer than half of FALSE_ALARM."""
    chances = [comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(trials + 1)]
    return min(sum(chances[: seen + 1]), sum(chances[seen:])) > FALSE_ALARM / 2
