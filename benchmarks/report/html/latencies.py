"""Latency: by percentile, with room for the tail, and as a heat map, in which retries show as bands."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from benchmarks.measures.latency import success_ms
from benchmarks.report.evidence import Group
from benchmarks.report.html.markup import append
from benchmarks.report.html.plot import (
    WIDTH,
    Scale,
    bottom_axis,
    canvas,
    decades,
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

LEFT, RIGHT, TOP, HEIGHT = 90.0, 20.0, 14.0, 230.0
PERCENTILES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999)
HEAT, COLUMNS, ROWS = 110.0, 60, 16
SHADES = 8


def by_percentile(groups: Sequence[Group]) -> Element | None:
    """The latency that a share of the successes stayed below, in the phase that matters; None without a success."""
    found = {}
    for at, group in enumerate(groups):
        values = sorted(ms for cell in group.valid for ms in success_ms(cell.rows, cell.record, group.window))
        if len(values) > 1:
            found[at] = values
    if not found:
        return None
    low = max(0.1, min(values[0] for values in found.values()))
    high = max(values[-1] for values in found.values())
    tail = max(len(values) for values in found.values())
    x = Scale(0, -math.log10(1 / tail), LEFT, WIDTH - RIGHT)
    y = Scale(low, high, TOP + HEIGHT, TOP, math.log)
    svg = canvas(TOP + HEIGHT + 24, f"{groups[0].scenario.name}: latency of successes by percentile in each arm")
    append(svg, *left_axis(y, LEFT, decades(low, high), lambda ms: f"{ms:g} ms", WIDTH - RIGHT))
    for share in PERCENTILES:
        place = -math.log10(1 - share)
        if place <= x.high:
            append(svg, line(x(place), TOP, x(place), TOP + HEIGHT, "grid"))
            append(svg, text(x(place), TOP + HEIGHT + 15, f"p{share * 100:g}", "middle", "tick"))
    if groups[0].scenario.slo.latency_ms <= high:
        slo = y(groups[0].scenario.slo.latency_ms)
        append(svg, line(LEFT, slo, WIDTH - RIGHT, slo, "slo"), text(LEFT + 4, slo - 4, "SLO", class_="tick"))
    for at, values in found.items():
        append(svg, path(_curve(values, x, y), f"curve arm-{at}"))
    return figure(
        "Latency by percentile.",
        "Successes, from the intended time, all good cells together, in the fault phase (without one: the steady "
        "phase). The axis is logarithmic towards 100 %; a curve ends where its answers do.",
        svg,
        legend([group.arm for group in groups]),
    )


def _curve(values: Sequence[float], x: Scale, y: Scale) -> list[tuple[float, float]]:
    """About a point for every two pixels."""
    n, points, last = len(values), list[tuple[float, float]](), -math.inf
    for rank, value in enumerate(values):
        place = x(-math.log10(1 - rank / n))
        if place - last >= 2 or rank == n - 1:
            points.append((place, y(value)))
            last = place
    return points


def heat_maps(groups: Sequence[Group]) -> Element | None:
    """Every answer, whatever it was, by when it was due and how long it took: a map for each arm."""
    shown = [group for group in groups if group.valid]
    answers = {group.arm: list(_answers(group)) for group in shown}
    if not any(answers.values()):
        return None
    low = max(0.5, min(ms for found in answers.values() for _, ms in found))
    high = max(low * 2, max(ms for found in answers.values() for _, ms in found))
    end = max(phase.end for group in shown for cell in group.valid for phase in cell.record.phases)
    x = Scale(0, end, LEFT, WIDTH - RIGHT)
    bottom = TOP + len(shown) * (HEAT + 26)
    svg = canvas(bottom + 10, f"{groups[0].scenario.name}: heat map of latency over time, one for each arm")
    for number, group in enumerate(shown):
        append(svg, *_map(group, answers[group.arm], x, TOP + number * (HEAT + 26), (low, high)))
    append(svg, *bottom_axis(x, bottom - 10, ticks(0, end, 10), lambda value: f"{value:g} s", TOP))
    return figure(
        "Where the time went.",
        "Every answer, failures too, by when it was due (across) and how long it took (up, logarithmic). The darker, "
        "the more answers; a second band above the first is what retries cost.",
        svg,
    )


def _answers(group: Group) -> Iterable[tuple[float, float]]:
    for cell in group.valid:
        for row in cell.rows:
            if row.latency_s is not None:
                yield row.at, row.latency_s * 1000


def _map(
    group: Group, answers: Sequence[tuple[float, float]], x: Scale, top: float, range_: tuple[float, float]
) -> list[Element]:
    y = Scale(*range_, ROWS, 0, math.log)
    counts = Counter[tuple[int, int]]()
    for at, ms in answers:
        counts[min(int(at / x.high * COLUMNS), COLUMNS - 1), min(int(y(ms)), ROWS - 1)] += 1
    most = max(counts.values(), default=1)
    width, height = (x.end - x.start) / COLUMNS, HEAT / ROWS
    drawn = [text(LEFT, top + 10, group.arm, class_="name")]
    top += 16
    for phase in group.valid[0].record.phases:
        if phase.name == "fault":
            drawn.append(rect(x(phase.start), top, x(phase.end) - x(phase.start), HEAT, "window"))
    for (column, row), n in sorted(counts.items()):
        # The eye compares few counts with many: their logarithms keep both visible.
        shade = 1 + int((SHADES - 1) * math.log1p(n) / math.log1p(most))
        cell = rect(x.start + column * width, top + row * height, width, height, f"heat-{shade}")
        drawn.append(titled(cell, f"{n} answers"))
    pixel = Scale(*range_, top + HEAT, top, math.log)
    return drawn + [text(LEFT - 6, pixel(at) + 4, f"{at:g} ms", "end", "tick") for at in decades(*range_)]
