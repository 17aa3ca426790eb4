"""Where a sweep changes the answer: between which two values of an axis another arm becomes the one to take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.sweep import Value
from benchmarks.verdict import Comparison, Verdict

EITHER = "either"


@dataclass(frozen=True, slots=True)
class Spot:
    """One point of a sweep: two arms of it against each other. `family`, `arm` and `base` are named without the point.

    `point`: the value of every axis, those of the policies included.
    """

    family: str
    arm: str
    base: str
    point: Mapping[str, Value]
    comparison: Comparison

    @property
    def better(self) -> str | None:
        """The arm to take here; EITHER where they are equal within the margin; None where it is not decided."""
        match self.comparison.verdict:
            case Verdict.BETTER:
                return self.arm
            case Verdict.WORSE:
                return self.base
            case Verdict.EQUIVALENT:
                return EITHER
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Flip:
    """The last spot with one answer and the first one with the next; whatever lies between them is not decided."""

    before: Spot
    after: Spot


@dataclass(frozen=True, slots=True)
class Course:
    """Two arms along one axis, all else being equal: numbers from the least on, other values as they are written.

    `held`: where the other axes stand.
    """

    axis: str
    held: Mapping[str, Value]
    spots: Sequence[Spot]

    @property
    def decided(self) -> list[Spot]:
        """The spots that have an answer."""
        return [spot for spot in self.spots if spot.better is not None]

    @property
    def flips(self) -> list[Flip]:
        """Every change of the answer, from one decided spot to the next."""
        return [Flip(one, other) for one, other in pairwise(self.decided) if one.better != other.better]


def courses(spots: Iterable[Spot]) -> list[Course]:
    """Every line of the grid along every axis with several values, for each pair of arms."""
    lines: dict[tuple[object, ...], list[Spot]] = {}
    for spot in spots:
        for axis in spot.point:
            held = tuple((path, value) for path, value in spot.point.items() if path != axis)
            lines.setdefault((spot.family, spot.arm, spot.base, axis, held), []).append(spot)
    return [
        Course(
            str(axis), {path: value for path, value in line[0].point.items() if path != axis}, _along(str(axis), line)
        )
        for (*_, axis, _), line in lines.items()
        if len({line_spot.point[str(axis)] for line_spot in line}) > 1
    ]


def _along(axis: str, line: Sequence[Spot]) -> list[Spot]:
    """The spots so that neighbours on the axis stand side by side, however its values were written."""
    numbers = [(value, at) for at, spot in enumerate(line) if isinstance(value := spot.point[axis], int | float)]
    return [line[at] for _, at in sorted(numbers)] if len(numbers) == len(line) else list(line)
