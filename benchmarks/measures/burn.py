"""Error-budget burn: how many times faster than allowed the budget of the SLO is used up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.measures.goodput import goodput
from benchmarks.measures.measure import Measure
from loadtests.rows import Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window


def burn(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """(1 - goodput) / (1 - the SLO's target): 1 uses up the budget exactly, 1000 is everything failing at 99.9 %.

    Source: Beyer et al., "The Site Reliability Workbook", ch. 5 (burn rate).
    """
    share = goodput(rows, record, scenario, window)
    return None if share is None else (1 - share) / (1 - scenario.slo.target)


BURN = Measure("burn", "error-budget burn", "times the budget", "lower", "difference", burn)
