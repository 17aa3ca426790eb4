"""How a figure is written."""

from __future__ import annotations

import pytest

from benchmarks.measures.amplification import ATTEMPTS
from benchmarks.measures.availability import AVAILABILITY
from benchmarks.measures.integrity import DUPLICATED
from benchmarks.measures.measure import Measure
from benchmarks.report.figures import margin


@pytest.mark.parametrize(
    ("measure", "value", "written"),
    [(ATTEMPTS, 0.10, "x1.10"), (AVAILABILITY, 0.05, "5 pp"), (DUPLICATED, 1.0, "1 frames")],
)
def test_a_margin_says_in_what_it_is(measure: Measure, value: float, written: str) -> None:
    assert margin(measure, value) == written
