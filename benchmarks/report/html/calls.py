"""The call graph: who called whom, and how many attempts each call cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from xml.etree.ElementTree import Element

from benchmarks.report.evidence import Group
from benchmarks.report.figures import number
from benchmarks.report.html.markup import append, element
from benchmarks.report.html.plot import canvas, figure, rect, text, titled

WIDTH, ROW, BOX, HIGH = 620.0, 40.0, 112.0, 24.0


def call_graphs(groups: Sequence[Group]) -> Element | None:
    """A graph for each arm; None when no call was made."""
    graphs = [(group, edges) for group in groups if (edges := _edges(group))]
    if not graphs:
        return None
    pictures = [
        element(
            "div",
            element("h4", group.arm),
            _graph(group, edges),
            # What scrolls sideways must be within reach of the keyboard.
            tabindex=0,
            role="region",
            aria_label=f"Call graph, {group.arm}",
        )
        for group, edges in graphs
    ]
    return figure(
        "Attempts per call.",
        "On each arrow: attempts that reached the callee per call made to it, all good cells together. 1 is no retry; "
        "less is calls that never reached it. The faulted service is outlined.",
        element("div", *pictures, class_="graphs"),
    )


def _edges(group: Group) -> dict[tuple[str, str], tuple[int, int]]:
    """(caller, callee) -> calls made, attempts received."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for cell in group.valid:
        for name, edge in cell.record.edges.items():
            caller, _, callee = name.partition("->")
            calls, attempts = found.get((caller, callee), (0, 0))
            found[caller, callee] = calls + edge.logical, attempts + edge.received
    return {edge: counts for edge, counts in found.items() if counts[0]}


def places(edges: Mapping[tuple[str, str], object]) -> dict[str, tuple[int, int]]:
    """Column and row of each service: the column is the longest way to it from a service that nobody calls."""
    callers: dict[str, list[str]] = {name: [] for edge in edges for name in edge}
    for caller, callee in edges:
        callers[callee].append(caller)

    @cache
    def depth(name: str, above: tuple[str, ...] = ()) -> int:
        ways = [depth(caller, (*above, name)) for caller in callers[name] if caller not in (*above, name)]
        return 1 + max(ways, default=-1)

    rows: dict[int, int] = {}
    found = {}
    for name in sorted(callers):
        column = depth(name)
        found[name] = column, rows.get(column, 0)
        rows[column] = rows.get(column, 0) + 1
    return found


def _graph(group: Group, edges: Mapping[tuple[str, str], tuple[int, int]]) -> Element:
    at = places(edges)
    columns, rows = max(c for c, _ in at.values()) + 1, max(r for _, r in at.values()) + 1
    step = (WIDTH - BOX) / max(1, columns - 1)
    corner = {name: (column * step, row * ROW + 14) for name, (column, row) in at.items()}
    svg = canvas(rows * ROW + 10, f"Call graph of arm {group.arm}: attempts per call", width=WIDTH)
    labels = []
    for (caller, callee), (calls, attempts) in edges.items():
        ratio = attempts / calls
        (left, top), (right, bottom) = corner[caller], corner[callee]
        start, end = (left + BOX, top + HIGH / 2), (right, bottom + HIGH / 2)
        bend = (start[0] + end[0]) / 2
        points = [start, (bend, start[1]), (bend, end[1]), end]
        shape = "M{} {}C{} {} {} {} {} {}".format(*(f"{value:.0f}" for point in points for value in point))
        tone = "more" if ratio > 1.05 else "less" if ratio < 0.95 else "same"
        width = min(8.0, max(1.0, 1.5 * ratio))
        arrow = element("path", d=shape, class_=f"edge {tone}", stroke_width=width)
        append(svg, titled(arrow, f"{caller} -> {callee}: {attempts} attempts, {calls} calls"))
        labels.append(text(end[0] - 6, end[1] - 5, number(ratio), "end", f"tick {tone}"))
    faulted = group.scenario.fault.service if group.scenario.fault else None
    for name, (x, y) in corner.items():
        append(svg, rect(x, y, BOX, HIGH, "node faulted" if name == faulted else "node", rx=4))
        append(svg, text(x + BOX / 2, y + HIGH / 2 + 4, name, "middle"))
    return append(svg, *labels)
