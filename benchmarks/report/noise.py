"""The noise floor: what differs between an arm and itself, measure by measure."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log
from statistics import stdev

from benchmarks.measures import MEASURES
from benchmarks.measures.measure import Measure
from benchmarks.report.evidence import Evidence, Group, opponents, paired, resolution
from benchmarks.report.figures import change, change_range, count
from benchmarks.report.outcomes import ARM, CELLS, SCENARIO, cells, phase
from benchmarks.report.table import Column, Table, Value, figure, table, word
from benchmarks.scenario import Scenario, Window
from benchmarks.verdict import ENOUGH, changed


def floor(found: Evidence) -> Table:
    """Every measure of an A/A control that varies; empty in any other run."""
    rows: list[tuple[str, list[Value]]] = []
    if found.control:
        for scenario in found.scenarios:
            for twin, base in opponents(found, scenario):
                made = (_row(base, twin, *one) for one in _measured(scenario, base.window))
                rows += [(scenario.name, row) for row in made if row]
    return table(
        "noise",
        "Noise floor",
        "An arm against the same arm, every measure in the phase that a reader looks at first, and the primary one in "
        "its own: mean change with its 95 % interval, and the standard deviation of a single pair (of its logarithm, "
        "as a factor, for ratios). What is smaller than this in another run on this machine is noise.",
        [
            SCENARIO,
            ARM,
            Column("measure", "measure", "left"),
            Column("phase", "in", "left"),
            Column("change", "change"),
            Column("interval", "95 % interval"),
            Column("spread", "sd of a pair"),
            Column("n", "pairs"),
            CELLS,
        ],
        rows,
    )


def _measured(scenario: Scenario, window: Window) -> Iterator[tuple[Measure, Window]]:
    """Every measure in `window`, and the primary one where its verdict is read."""
    primary = (MEASURES[scenario.primary.measure], scenario.primary.phase)
    usual: list[tuple[Measure, Window]] = [(one, "all" if one.whole_cell else window) for one in MEASURES.values()]
    yield from dict.fromkeys([primary, *usual])


def _row(base: Group, twin: Group, measure: Measure, window: Window) -> list[Value] | None:
    pairs = paired(twin, base, measure, window)
    interval = changed(measure, pairs, resolution(twin, base, measure, window))
    if interval is None or len(pairs) < ENOUGH:
        return None
    ratio, share = measure.scale == "ratio", measure.unit == "share"
    spread = exp(stdev(log(a / b) for a, b in pairs)) if ratio else stdev(a - b for a, b in pairs)
    shown = f"x{spread:.2f}" if ratio else f"{spread * 100:.1f} pp" if share else f"{spread:.3g}"
    return [
        word(base.scenario.name),
        word(base.arm),
        word(measure.title),
        word(phase(window)),
        figure(change(measure, interval.estimate), interval.estimate),
        figure(change_range(measure, interval), None, low=interval.low, high=interval.high),
        figure(shown, spread),
        figure(count(len(pairs)), len(pairs)),
        cells(base, twin),
    ]
