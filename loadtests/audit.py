"""The generator's account of itself: whether it kept its own schedule, and what it cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.rows import Outcome, Row


@dataclass(frozen=True, slots=True)
class Audit:
    """How well one run was generated. A reader voids the run when the lateness is over its budget.

    `arrivals` were scheduled, `sent` of them left (and have a row), `dropped` found no room. `lateness_*_ms` are
    percentiles of sent - intended, 0 when nothing was sent. `cpu_s` is the generator process's user and system time.
    `interrupted`: the run was ended early; requests that had no answer then have no row.
    """

    arrivals: int
    sent: int
    dropped: int
    lateness_p50_ms: float
    lateness_p99_ms: float
    cpu_s: float
    hidden_retries_off: bool
    interrupted: bool


def audit(rows: Sequence[Row], *, scheduled: int, cpu_s: float, hidden_retries_off: bool, interrupted: bool) -> Audit:
    """Read the account off the rows of a run of `scheduled` arrivals."""
    lateness = sorted(row.lateness_s * 1000 for row in rows if row.lateness_s is not None)
    return Audit(
        arrivals=scheduled,
        sent=len(lateness),
        dropped=sum(row.outcome is Outcome.DROPPED for row in rows),
        lateness_p50_ms=round(quantile(lateness, 0.50), 3),
        lateness_p99_ms=round(quantile(lateness, 0.99), 3),
        cpu_s=round(cpu_s, 4),
        hidden_retries_off=hidden_retries_off,
        interrupted=interrupted,
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 < share <= 1) of `ordered` (ascending) do not exceed, or 0 for none.

    Exact, no interpolation. Source: Hyndman and Fan (1996), definition 1.
    """
    if not ordered:
        return 0.0
    # 0.07 * 100 is 7.000000000000001 in binary, and its rank is 7: with room for its error
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]
