"""What happened when: goodput of all arms over one clock, errors by class, and when policies changed their minds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from statistics import fmean
from xml.etree.ElementTree import Element

from benchmarks.measures.goodput import false_acknowledgement, good
from benchmarks.report.evidence import Group
from benchmarks.report.html.markup import append, element
from benchmarks.report.html.plot import (
    WIDTH,
    Scale,
    bottom_axis,
    canvas,
    figure,
    left_axis,
    legend,
    line,
    path,
    rect,
    text,
    ticks,
    titled,
)
from benchmarks.report.html.states import strip
from benchmarks.results import Measured
from loadtests.rows import Outcome, Row

BIN_S = 1.0
LEFT, RIGHT, TOP, HEIGHT, ERRORS, STRIP = 150.0, 20.0, 18.0, 170.0, 46.0, 22.0
LATE, FALSE = "late", "false-200"
CLASSES = (*(outcome.value for outcome in Outcome if outcome is not Outcome.SUCCESS), FALSE, LATE)
"""Of what is not good; a success is, but for one that came too late and one whose effect is not stored."""


def timelines(groups: Sequence[Group]) -> Element | None:
    """All arms of a scenario; None when no cell of it is good."""
    shown = [(at, group) for at, group in enumerate(groups) if group.valid]
    if not shown:
        return None
    cells = [cell for _, group in shown for cell in group.valid]
    end = max(phase.end for cell in cells for phase in cell.record.phases)
    x = Scale(0, end, LEFT, WIDTH - RIGHT)
    curves = {at: _goodput(group, end) for at, group in shown}
    most = max(value for curve in curves.values() for value in curve) or 1.0
    y = Scale(0, most * 1.05, TOP + HEIGHT, TOP)
    bottom = TOP + HEIGHT + 26 + len(shown) * (ERRORS + STRIP + 8)
    svg = canvas(bottom + 20, f"{groups[0].scenario.name}: goodput over time in each arm, errors and policy events")
    append(svg, *_phases(cells[0], x, bottom))
    append(svg, *left_axis(y, LEFT, ticks(0, most * 1.05, 4), lambda value: f"{value:g}/s", WIDTH - RIGHT))
    append(svg, *bottom_axis(x, bottom, ticks(0, end, 10), lambda value: f"{value:g} s", TOP))
    append(svg, text(4, TOP + 10, "right answers", class_="name"), text(4, TOP + 26, "within the SLO", class_="tick"))
    for at, curve in curves.items():
        append(svg, path(_steps(curve, x, y, end), f"curve arm-{at}"))
    for number, (at, group) in enumerate(shown):
        append(svg, *_lane(at, group, x, TOP + HEIGHT + 26 + number * (ERRORS + STRIP + 8), end))
    classes = [element("li", element("span", class_=f"swatch error-{name}"), _words(name)) for name in CLASSES]
    return figure(
        "Over time.",
        f"Mean of the good cells in bins of {BIN_S:g} s, by intended time; the fault is shaded. Below, for each arm: "
        "answers that were not right or not in time, by class (fallback: an old one; false 200: acknowledged, and not "
        "stored), and beneath them every breaker that opened (▲) or "
        "closed (▽) and every replica ejected (●) or let back (○); bars between them, the darker the more cells.",
        svg,
        legend([group.arm for group in groups]),
        element("ul", *classes, class_="legend"),
    )


def _phases(cell: Measured, x: Scale, bottom: float) -> list[Element]:
    drawn = []
    for phase in cell.record.phases:
        shade = "fault" if phase.name == "fault" else "phase"
        drawn.append(rect(x(phase.start), TOP, x(phase.end) - x(phase.start), bottom - TOP, shade))
        drawn.append(text((x(phase.start) + x(phase.end)) / 2, TOP - 5, phase.name, "middle", "tick"))
    return drawn


def _bins(end: float) -> int:
    return max(1, ceil(end / BIN_S - 1e-9))


def _length(at: int, end: float) -> float:
    """Seconds of a bin: the last one may be shorter."""
    return min(BIN_S, end - at * BIN_S)


def _goodput(group: Group, end: float) -> list[float]:
    """Right answers within the SLO per second and bin, mean of the cells."""
    counts = []
    for cell in group.valid:
        found = Counter(int(row.at / BIN_S) for row in cell.rows if good(row, cell.record, group.scenario))
        counts.append([found[at] / _length(at, end) for at in range(_bins(end))])
    return [fmean(values) for values in zip(*counts, strict=True)]


def _steps(curve: Sequence[float], x: Scale, y: Scale, end: float) -> list[tuple[float, float]]:
    edges = [min(at * BIN_S, end) for at in range(len(curve) + 1)]
    return [
        (x(edge), y(value)) for (low, high), value in zip(pairwise(edges), curve, strict=True) for edge in (low, high)
    ]


def _lane(at: int, group: Group, x: Scale, top: float, end: float) -> list[Element]:
    """One arm: its errors, and its policies' moments."""
    failed = [Counter[str]() for _ in range(_bins(end))]
    sent = Counter[int]()
    for cell in group.valid:
        for row in cell.rows:
            bin_ = min(int(row.at / BIN_S), len(failed) - 1)
            sent[bin_] += 1
            if not good(row, cell.record, group.scenario):
                failed[bin_][_class(row, cell)] += 1
    y = Scale(0, 1, top + ERRORS, top)
    drawn = [
        line(LEFT, top + ERRORS, WIDTH - RIGHT, top + ERRORS, "rule"),
        text(4, top + 14, group.arm, class_=f"name arm-{at}"),
        text(LEFT - 6, top + 10, "100 %", "end", "tick"),
        text(4, top + 30, "not good, by class", class_="tick"),
    ]
    for bin_, classes in enumerate(failed):
        below = 0.0
        for name in CLASSES:
            share = classes[name] / sent[bin_] if sent[bin_] else 0.0
            if share:
                left, right = x(bin_ * BIN_S), x(min((bin_ + 1) * BIN_S, end))
                bar = rect(left + 1, y(below + share), right - left - 2, y(below) - y(below + share), f"error-{name}")
                drawn.append(titled(bar, f"{_words(name)}: {share:.0%} of {sent[bin_]} from {bin_ * BIN_S:g} s"))
                below += share
    states = strip(group, x, top + ERRORS + 4, STRIP - 4, end)
    return [*drawn, *states, *_moments(group, x, top + ERRORS + STRIP / 2 + 2)]


def _class(row: Row, cell: Measured) -> str:
    """The class of a row that is not good."""
    if row.outcome is not Outcome.SUCCESS:
        return row.outcome.value
    return FALSE if false_acknowledgement(row, cell.record) else LATE


def _words(name: str) -> str:
    return name.replace("-", " ")


MARKS = {"open": "▲", "half-open": "△", "close": "▽", "ejection": "●", "return": "○"}


def _moments(group: Group, x: Scale, y: float) -> list[Element]:
    moments = [one for cell in group.valid if cell.record.timeline for one in cell.record.timeline.moments]
    drawn = []
    for one in moments:
        mark = text(x(one.at), y + 4, MARKS.get(one.kind, "·"), "middle", f"moment {one.kind}")
        drawn.append(titled(mark, f"{one.kind} at {one.at:.1f} s: {one.edge} in {one.pod}"))
    return drawn
