"""What is measured of a cell: one file each, pure functions over its rows and its record."""

from __future__ import annotations

from benchmarks.measures.attempts import ATTEMPTS
from benchmarks.measures.availability import AVAILABILITY
from benchmarks.measures.cost import CPU, MEMORY
from benchmarks.measures.goodput import GOODPUT, GOODPUT_RATE
from benchmarks.measures.integrity import LOST
from benchmarks.measures.latency import LATENCY_P50, LATENCY_P90, LATENCY_P99
from benchmarks.measures.measure import Measure

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        AVAILABILITY,
        GOODPUT,
        GOODPUT_RATE,
        LATENCY_P50,
        LATENCY_P90,
        LATENCY_P99,
        ATTEMPTS,
        LOST,
        CPU,
        MEMORY,
    )
}

__all__ = ["MEASURES", "Measure"]
