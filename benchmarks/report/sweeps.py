"""The tables of a sweep: the curve, point by point, and where the better arm changes along each axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmarks.flips import Course, Flip, Spot, courses
from benchmarks.report.evidence import Evidence
from benchmarks.report.figures import UNKNOWN, change, change_range, count
from benchmarks.report.table import Column, Table, Value, figure, table, word
from benchmarks.sweep import Value as Setting
from benchmarks.sweep import named
from benchmarks.verdict import Comparison

SCENARIO = Column("scenario", "scenario", "left")
POINT = Column("point", "at", "left")
COMPARED = Column("compared", "compared", "left")
UNDECIDED = "not decided"


def spots(found: Evidence, compared: Iterable[Comparison]) -> list[Spot]:
    """The comparisons that belong to a sweep, with their places on its grid."""
    scenarios = {scenario.name: scenario for scenario in found.scenarios}
    settings = {arm.name: arm.settings for arm in found.arms}
    placed = []
    for one in compared:
        scenario = scenarios[one.scenario]
        point = {**scenario.point, **settings[one.base], **settings[one.arm]}
        if point:
            arm, base = (name.partition("@")[0] for name in (one.arm, one.base))
            placed.append(Spot(scenario.family, arm, base, point, one))
    return placed


def curves(seen: Iterable[Spot]) -> Table:
    """One row a point: how far apart the arms are, and which one to take."""
    return table(
        "curves",
        "Sweep, point by point",
        "The primary measure of one arm against another at each point of the grid, as in the verdicts; which arm to "
        "take there, where that is decided.",
        [
            SCENARIO,
            POINT,
            COMPARED,
            Column("change", "change"),
            Column("interval", "95 % interval"),
            Column("n", "pairs"),
            Column("better", "take", "left"),
        ],
        [(spot.family, _spot(spot)) for spot in seen],
    )


def flips(seen: Iterable[Spot]) -> Table:
    """One row for each axis and pair of arms: where the recommendation changes."""
    return table(
        "flips",
        "Where the better arm changes",
        "Along one axis, all else being equal: the two decided values between which another arm becomes the one to "
        "take, each with the interval that decides it. Equal within the margin is an answer too (either).",
        [SCENARIO, Column("axis", "axis", "left"), COMPARED, Column("flip", "flips", "left")],
        [(course.spots[0].family, row) for course in courses(seen) for row in _course(course)],
    )


def _spot(spot: Spot) -> list[Value]:
    one = spot.comparison
    return [
        word(spot.family),
        word(written(spot.point)),
        word(f"{spot.arm} vs {spot.base}"),
        *_change(one),
        figure(count(len(one.pairs)), len(one.pairs)),
        word(spot.better or UNDECIDED, "plain" if spot.better else "doubt"),
    ]


def _change(one: Comparison) -> tuple[Value, Value]:
    interval = one.interval
    if interval is None:
        return figure(UNKNOWN, None), figure(UNKNOWN, None)
    return (
        figure(change(one.measure, interval.estimate), interval.estimate),
        figure(change_range(one.measure, interval), None, low=interval.low, high=interval.high),
    )


def _course(course: Course) -> Iterable[list[Value]]:
    first = course.spots[0]
    held = f" ({written(course.held)})" if course.held else ""
    common = [word(first.family), word(course.axis + held), word(f"{first.arm} vs {first.base}")]
    decided = course.decided
    if not course.flips:
        many = f"{len(decided)} of {len(course.spots)} points are decided"
        said = f"nowhere: {decided[0].better} at every decided point ({many})" if decided else f"{UNDECIDED}: {many}"
        yield [*common, word(said, "plain" if decided else "doubt")]
    for flip in course.flips:
        yield [*common, word(_flip(course.axis, flip))]


def _flip(axis: str, flip: Flip) -> str:
    return " -> ".join(_side(axis, side) for side in (flip.before, flip.after))


def _side(axis: str, spot: Spot) -> str:
    interval = spot.comparison.interval
    shown = f" {change_range(spot.comparison.measure, interval)}" if interval else ""
    return f"{spot.better} at {spot.point[axis]}{shown}"


def written(point: Mapping[str, Setting]) -> str:
    """A point of a grid as it is read: `retries.attempts=2, load.rate=30`."""
    return ", ".join(named(path, value) for path, value in point.items())
