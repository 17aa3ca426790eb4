"""Latency from the intended time, of successes and of failures apart: a fast failure is not a fast response.

Source: Tene, "How NOT to Measure Latency", 2015 (coordinated omission; the maximum is reported). Unit: ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from benchmarks.measures.measure import Measure, Of, within
from loadtests.audit import quantile
from loadtests.rows import Outcome, Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window


def percentile(values: Sequence[float], q: float) -> float | None:
    """The `quantile` of the values at `q` (0 < q < 1).

    None below 1 / (1 - q) values: of fewer it would be the maximum under another name (p99 needs 100, p90 10, p50 2).
    """
    # 1 / (1 - 0.9) is 10.000000000000002 in binary: compare without the division, with room for its error
    if len(values) * (1 - q) < 1 - 1e-9:
        return None
    return quantile(sorted(values), q)


def success_ms(rows: Sequence[Row], record: Record, window: Window) -> list[float]:
    """Latency in ms of each success whose intended time lies in the window."""
    return _latencies(row for row in within(rows, record, window) if row.outcome is Outcome.SUCCESS)


def failure_ms(rows: Sequence[Row], record: Record, window: Window) -> list[float]:
    """Latency in ms of each arrival that was sent and did not succeed; drops were never sent and have none."""
    return _latencies(row for row in within(rows, record, window) if row.outcome is not Outcome.SUCCESS)


def _latencies(rows: Iterable[Row]) -> list[float]:
    return [row.latency_s * 1000 for row in rows if row.latency_s is not None]


def _percentile_of_successes(q: float) -> Of:
    def of(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
        return percentile(success_ms(rows, record, window), q)

    return of


def _max_of_successes(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    return max(success_ms(rows, record, window), default=None)


LATENCY_P50 = Measure("latency-p50", "p50 of successes", "ms", "lower", "ratio", _percentile_of_successes(0.50))
LATENCY_P90 = Measure("latency-p90", "p90 of successes", "ms", "lower", "ratio", _percentile_of_successes(0.90))
LATENCY_P99 = Measure("latency-p99", "p99 of successes", "ms", "lower", "ratio", _percentile_of_successes(0.99))
LATENCY_P999 = Measure("latency-p99.9", "p99.9 of successes", "ms", "lower", "ratio", _percentile_of_successes(0.999))
LATENCY_MAX = Measure("latency-max", "max of successes", "ms", "lower", "ratio", _max_of_successes)
