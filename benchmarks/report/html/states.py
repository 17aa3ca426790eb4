"""The strip of states: while a breaker was not closed, and while a replica was ejected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element

from benchmarks.record import Moment
from benchmarks.report.evidence import Group
from benchmarks.report.html.plot import Scale, rect, titled

State = Literal["breaker", "ejected"]


@dataclass(frozen=True, slots=True)
class Span:
    """A caller's pod had a breaker that was not closed, or one replica ejected, from `start` to `end` (seconds)."""

    state: State
    start: float
    end: float
    pod: str
    edge: str


def spans(moments: Iterable[Moment], end: float) -> list[Span]:
    """States from the moments of one cell, in order of time; what was never ended lasts until `end`.

    A breaker that is half open is not closed yet. Ejections of one caller end in the order in which they began: its
    moments do not name the replica, and the number ejected is the same in any order.
    """
    found = []
    opened: dict[tuple[str, str], float] = {}
    ejected: dict[tuple[str, str], list[float]] = {}
    for one in moments:
        key = one.pod, one.edge
        match one.kind:
            case "open":
                opened.setdefault(key, one.at)
            case "close" if key in opened:
                found.append(Span("breaker", opened.pop(key), one.at, *key))
            case "ejection":
                ejected.setdefault(key, []).append(one.at)
            case "return" if ejected.get(key):
                found.append(Span("ejected", ejected[key].pop(0), one.at, *key))
    found += [Span("breaker", start, end, *key) for key, start in opened.items()]
    found += [Span("ejected", start, end, *key) for key, starts in ejected.items() for start in starts]
    return sorted(found, key=lambda span: (span.start, span.pod, span.edge))


def strip(group: Group, x: Scale, y: float, height: float, end: float) -> list[Element]:
    """A bar for each state of each good cell, so faint that they add up: the darker, the more cells were in it."""
    drawn = []
    for cell in group.valid:
        for span in spans(cell.record.timeline.moments if cell.record.timeline else (), end):
            bar = rect(x(span.start), y, max(1.0, x(span.end) - x(span.start)), height, f"state {span.state}")
            bar.set("fill-opacity", f"{max(0.12, 0.9 / len(group.valid)):.2f}")
            what = "a replica ejected" if span.state == "ejected" else "breaker not closed"
            drawn.append(titled(bar, f"{what}, {span.start:.1f} to {span.end:.1f} s: {span.edge} in {span.pod}"))
    return drawn
