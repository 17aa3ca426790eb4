"""Where the better arm changes along an axis: named only between points that are decided."""

from __future__ import annotations

import pytest

from benchmarks.flips import EITHER, Flip, Spot, courses
from benchmarks.measures import MEASURES
from benchmarks.sweep import Value
from benchmarks.verdict import Comparison, Verdict

B, W, E, U, N = Verdict.BETTER, Verdict.WORSE, Verdict.EQUIVALENT, Verdict.INCONCLUSIVE, Verdict.NONE


def spot(verdict: Verdict, **point: Value) -> Spot:
    compared = Comparison("mine", "mesh", "library", MEASURES["goodput"], "fault", 0.05, (), None, verdict=verdict)
    return Spot("mine", "mesh", "library", point, compared)


@pytest.mark.parametrize(
    ("verdict", "better"), [(B, "mesh"), (W, "library"), (E, EITHER), (U, None), (N, None)]
)  # fmt: skip
def test_what_to_take_follows_from_the_verdict(verdict: Verdict, better: str | None) -> None:
    assert spot(verdict, rate=1).better == better


@pytest.mark.parametrize(
    ("verdicts", "flips"),
    [
        ([W, W, B, B], [(1, 2)]),
        ([W, U, N, B], [(0, 3)]),
        ([E, B, W], [(0, 1), (1, 2)]),
        ([B, U, B], []),
        ([U, N], []),
    ],
)
def test_a_flip_lies_between_decided_neighbours_with_different_answers(
    verdicts: list[Verdict], flips: list[tuple[int, int]]
) -> None:
    seen = [spot(verdict, rate=at) for at, verdict in enumerate(verdicts)]
    (course,) = courses(seen)
    assert course.flips == [Flip(seen[one], seen[other]) for one, other in flips]
    assert len(course.decided) == sum(verdict in (B, W, E) for verdict in verdicts)


def test_numbers_are_neighbours_by_size_in_whatever_order_they_are_written() -> None:
    half, tenth, third = (spot(verdict, rate=rate) for verdict, rate in ((B, 0.5), (W, 0.1), (W, 0.3)))
    (course,) = courses([half, tenth, third])
    assert course.spots == [tenth, third, half]
    assert course.flips == [Flip(third, half)]


@pytest.mark.parametrize("values", [("5xx", "reset", "connect-failure"), ("off", 3, 1)])
def test_what_has_no_size_stays_in_the_order_in_which_it_is_written(values: tuple[Value, ...]) -> None:
    seen = [spot(B, on=value) for value in values]
    (course,) = courses(seen)
    assert course.spots == seen


def test_a_grid_is_read_along_each_axis_with_the_others_held() -> None:
    grid = [spot(B, rate=rate, tries=tries) for rate in (1, 2) for tries in (0, 3, 5)]
    found = {(course.axis, *course.held.items()): len(course.spots) for course in courses(grid)}
    assert found == {
        ("rate", ("tries", 0)): 2, ("rate", ("tries", 3)): 2, ("rate", ("tries", 5)): 2,
        ("tries", ("rate", 1)): 3, ("tries", ("rate", 2)): 3,
    }  # fmt: skip


def test_an_axis_with_one_value_is_no_course() -> None:
    assert [course.axis for course in courses([spot(B, rate=1, tries=0), spot(W, rate=2, tries=0)])] == ["rate"]
