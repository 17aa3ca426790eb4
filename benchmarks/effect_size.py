"""How far two samples lie apart, whatever their unit and shape."""

from __future__ import annotations

from collections.abc import Sequence


def cliffs_delta(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """P(a > b) - P(a < b) for a value of each sample: 1 when all of ours are above all of theirs, 0 when they mix.

    None without values. Source: Cliff, "Dominance statistics", Psychological Bulletin 114 (1993).
    """
    if not ours or not theirs:
        return None
    above = sum(a > b for a in ours for b in theirs)
    below = sum(a < b for a in ours for b in theirs)
    return (above - below) / (len(ours) * len(theirs))
