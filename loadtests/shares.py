"""One schedule for several workers: which arrivals and how much room each of them gets."""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.schedule import Arrival


def share(scheduled: Sequence[Arrival], number: int, of: int) -> Sequence[Arrival]:
    """Give worker `number` of `of` its arrivals: the shares of all are the schedule, each arrival in exactly one."""
    return scheduled[number::of]


def room(capacity: int, number: int, of: int) -> int:
    """Give worker `number` of `of` its part of the most requests in flight; one at the least."""
    return max(1, capacity // of + (number < capacity % of))
