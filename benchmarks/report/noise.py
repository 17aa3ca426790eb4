"""The noise floor: what differs between an arm and itself, measure by measure."""

from __future__ import annotations

from statistics import stdev

from benchmarks.measures import MEASURES
from benchmarks.measures.measure import Measure
from benchmarks.report.evidence import Evidence, Group, opponents, paired, resolution
from benchmarks.report.figures import change, change_range, count
from benchmarks.report.outcomes import ARM, CELLS, SCENARIO, cells
from benchmarks.report.table import Column, Table, Value, figure, table, word
from benchmarks.verdict import ENOUGH, changed


def floor(found: Evidence) -> Table:
    """Every measure of an A/A control that varies; empty in any other run."""
    rows: list[tuple[str, list[Value]]] = []
    if found.control:
        for scenario in found.scenarios:
            for twin, base in opponents(found, scenario):
                rows += [(scenario.name, row) for one in MEASURES.values() if (row := _row(base, twin, one))]
    return table(
        "noise",
        "Noise floor",
        "An arm against the same arm: mean change with its 95 % interval, and the standard deviation of a single pair "
        "(a factor, for ratios). What is smaller than this in another run on this machine is noise.",
        [
            SCENARIO,
            ARM,
            Column("measure", "measure", "left"),
            Column("change", "change"),
            Column("interval", "95 % interval"),
            Column("spread", "sd of a pair"),
            Column("n", "pairs"),
            CELLS,
        ],
        rows,
    )


def _row(base: Group, twin: Group, measure: Measure) -> list[Value] | None:
    window = "all" if measure.whole_cell else base.window
    pairs = paired(twin, base, measure, window)
    interval = changed(measure, pairs, resolution(twin, base, measure, window))
    if interval is None or len(pairs) < ENOUGH:
        return None
    changes = [a / b if measure.scale == "ratio" else a - b for a, b in pairs]
    spread = stdev(changes)
    share = measure.unit == "share"
    shown = f"x{1 + spread:.2f}" if measure.scale == "ratio" else f"{spread * 100:.1f} pp" if share else f"{spread:.3g}"
    return [
        word(base.scenario.name),
        word(base.arm),
        word(measure.title),
        figure(change(measure, interval.estimate), interval.estimate),
        figure(change_range(measure, interval), None, low=interval.low, high=interval.high),
        figure(shown, spread),
        figure(count(len(pairs)), len(pairs)),
        cells(base, twin),
    ]
