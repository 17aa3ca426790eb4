"""The effect plot: every comparison on one axis, in multiples of the difference that its scenario says matters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from benchmarks.report.figures import change, change_range, margin
from benchmarks.report.html.markup import append, element
from benchmarks.report.html.plot import WIDTH, Scale, bottom_axis, canvas, figure, line, rect, text, titled
from benchmarks.verdict import ENOUGH, Comparison

ROW, TOP, LEFT, RIGHT = 22.0, 34.0, 300.0, 150.0
TICKS = (-100.0, -30.0, -10.0, -3.0, -1.0, 0.0, 1.0, 3.0, 10.0, 30.0, 100.0)


def effects(compared: Sequence[Comparison]) -> Element | None:
    """The plot with its caption; None when nothing was compared."""
    if not compared:
        return None
    return figure(
        "What each arm was worth.",
        "Change of every scenario's primary measure with its 95 % interval; to the right is better. Hollow: undecided. "
        f"Fewer than {ENOUGH} pairs: a dot each, and no verdict.",
        plot(compared),
    )


def plot(compared: Sequence[Comparison]) -> Element:
    """A row for each comparison."""
    reach = max((abs(value) for one in compared for value in _extremes(one)), default=1.0)
    end = next((tick for tick in TICKS if tick >= max(reach, 3.0)), TICKS[-1])
    x = Scale(-end, end, LEFT, WIDTH - RIGHT, math.asinh)
    bottom = TOP + ROW * len(compared)
    svg = canvas(
        bottom + 40, "Effect of each comparison in multiples of its margin; the table of verdicts has the figures"
    )
    append(svg, rect(x(-1), TOP - 6, x(1) - x(-1), bottom - TOP + 6, "margin"))
    append(svg, *bottom_axis(x, bottom, [t for t in TICKS if abs(t) <= end], lambda t: f"{t:g}", TOP - 6))
    append(svg, text(x(-end), TOP - 14, "← worse", class_="tick"), text(x(end), TOP - 14, "better →", "end", "tick"))
    append(svg, text(x(0), bottom + 32, "multiples of the margin (shaded: too little to matter)", "middle", "tick"))
    for at, one in enumerate(compared):
        append(svg, *_row(one, x, TOP + ROW * (at + 0.5), at == 0 or compared[at - 1].scenario != one.scenario))
    return svg


def _row(one: Comparison, x: Scale, y: float, first: bool) -> list[Element]:
    drawn = [text(LEFT - 12, y + 4, f"{one.arm} vs {one.base}", "end")]
    if first:
        drawn += [line(0, y - ROW / 2, WIDTH, y - ROW / 2, "rule"), text(4, y + 4, one.scenario, class_="name")]
    if one.interval is None or len(one.pairs) < ENOUGH:
        drawn += [element("circle", cx=x(value), cy=y, r=3, class_="point") for value in _points(one)]
        return [*drawn, text(WIDTH - RIGHT + 12, y + 4, f"n = {len(one.pairs)}: points", class_="tick")]
    low, high = sorted((_units(one, one.interval.low), _units(one, one.interval.high)))
    mark = f"verdict {one.verdict.value}"
    words = (
        f"{one.scenario}, {one.arm} vs {one.base}: {change(one.measure, one.interval.estimate)} "
        f"{change_range(one.measure, one.interval)}, margin {margin(one.measure, one.margin)}, "
        f"n = {len(one.pairs)}: {one.verdict.value}"
    )
    dot = element("circle", cx=x(_units(one, one.interval.estimate)), cy=y, r=5, class_=mark)
    said = f"{change(one.measure, one.interval.estimate)}, {one.verdict.value}"
    return [*drawn, line(x(low), y, x(high), y, mark), titled(dot, words), text(WIDTH - RIGHT + 12, y + 4, said)]


def _extremes(one: Comparison) -> list[float]:
    if one.interval is None or len(one.pairs) < ENOUGH:
        return _points(one)
    return [_units(one, value) for value in (one.interval.low, one.interval.high)]


def _points(one: Comparison) -> list[float]:
    if one.measure.scale == "ratio":
        return [_units(one, a / b) for a, b in one.pairs if a > 0 and b > 0]
    return [_units(one, a - b) for a, b in one.pairs]


def _units(one: Comparison, value: float) -> float:
    """A difference, or a ratio, in multiples of the margin; positive is better."""
    if one.measure.scale == "ratio":
        size = math.log(value) / math.log1p(one.margin) if value > 0 else -math.inf
    else:
        size = value / one.margin
    return size if one.measure.better == "higher" else -size
