"""Times of which some never came to their end: what may still be said of their middle."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.measures.elapsed import Censored, Elapsed, Time


def curve(times: Sequence[Time]) -> list[tuple[float, float]]:
    """The Kaplan-Meier estimate: (seconds, share that takes longer), a step for each time at which something ended.

    A time that was given up at the very moment of an end is taken as longer.
    Source: Kaplan and Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958).
    """
    ends = sorted({one.seconds for one in times if isinstance(one, Elapsed)})
    share, steps = 1.0, []
    for end in ends:
        watched = sum((one.seconds if isinstance(one, Elapsed) else one.after_s) >= end for one in times)
        ended = sum(isinstance(one, Elapsed) and one.seconds == end for one in times)
        share *= 1 - ended / watched
        steps.append((end, share))
    return steps


def median(times: Sequence[Time]) -> Time | None:
    """The first time by which half have ended; censored, at the longest that anybody watched, when half never did."""
    if not times:
        return None
    for seconds, share in curve(times):
        # a product of n / m may end a little above the half that it is
        if share <= 0.5 + 1e-9:
            return Elapsed(seconds)
    return Censored(max(one.seconds if isinstance(one, Elapsed) else one.after_s for one in times))
