"""What is measured of a cell: one file each, pure functions over its rows and its record."""

from __future__ import annotations

from benchmarks.measures.amplification import ATTEMPTS, REQUESTS_PER_FRAME
from benchmarks.measures.availability import AVAILABILITY
from benchmarks.measures.blast import BLAST, BLAST_SLO
from benchmarks.measures.burn import BURN
from benchmarks.measures.cost import CPU, MEMORY
from benchmarks.measures.fallback import FALLBACK
from benchmarks.measures.goodput import GOODPUT, GOODPUT_RATE
from benchmarks.measures.integrity import DUPLICATED, LOST
from benchmarks.measures.latency import LATENCY_MAX, LATENCY_P50, LATENCY_P90, LATENCY_P99, LATENCY_P999
from benchmarks.measures.lost_goodput import LOST_GOODPUT
from benchmarks.measures.measure import Measure
from benchmarks.measures.restoration import RECOVER
from benchmarks.measures.waste import WASTE

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        AVAILABILITY,
        FALLBACK,
        GOODPUT,
        GOODPUT_RATE,
        LOST_GOODPUT,
        BURN,
        RECOVER,
        BLAST,
        BLAST_SLO,
        LATENCY_P50,
        LATENCY_P90,
        LATENCY_P99,
        LATENCY_P999,
        LATENCY_MAX,
        ATTEMPTS,
        REQUESTS_PER_FRAME,
        WASTE,
        LOST,
        DUPLICATED,
        CPU,
        MEMORY,
    )
}

__all__ = ["MEASURES", "Measure"]
