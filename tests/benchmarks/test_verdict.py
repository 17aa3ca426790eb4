"""Verdicts from planted differences."""

from __future__ import annotations

import random

import pytest

from benchmarks.measures import MEASURES
from benchmarks.verdict import Comparison, Verdict, compare, judge


def verdict(pairs: list[tuple[float, float]], measure: str = "availability", margin: float = 0.05) -> Verdict:
    """The verdict of one comparison that is a family of its own."""
    return judge([comparison(pairs, measure, margin)])[0].verdict


def comparison(pairs: list[tuple[float, float]], measure: str = "availability", margin: float = 0.05) -> Comparison:
    return compare("error-burst", "mesh", "none", MEASURES[measure], "fault", margin, pairs)


NOISE = (-0.01, 0.01, 0.0, -0.005, 0.005)


@pytest.mark.parametrize(
    ("shift", "expected"),
    [(0.2, Verdict.BETTER), (-0.2, Verdict.WORSE), (0.0, Verdict.EQUIVALENT), (0.02, Verdict.EQUIVALENT)],
)
def test_a_share_is_judged_by_its_difference(shift: float, expected: Verdict) -> None:
    assert verdict([(0.7 + shift + noise, 0.7) for noise in NOISE]) is expected


@pytest.mark.parametrize(
    ("factor", "expected"), [(2.0, Verdict.WORSE), (0.5, Verdict.BETTER), (1.01, Verdict.EQUIVALENT)]
)
def test_of_a_cost_less_is_better(factor: float, expected: Verdict) -> None:
    assert verdict([(factor * (1 + noise), 1.0) for noise in NOISE], "cpu", 0.10) is expected


def test_a_wide_interval_is_inconclusive() -> None:
    assert verdict([(0.9, 0.5), (0.5, 0.9), (0.9, 0.6), (0.6, 0.9), (0.8, 0.5)]) is Verdict.INCONCLUSIVE


def test_a_real_difference_whose_estimate_is_below_the_margin_is_inconclusive() -> None:
    pairs = [(0.70 + shift, 0.70) for shift in (0.015, 0.065, 0.040, 0.020, 0.060)]
    alone = judge([comparison(pairs)])[0]
    assert alone.p is not None
    assert alone.p < 0.05
    assert alone.verdict is Verdict.INCONCLUSIVE


def test_four_pairs_are_points_whatever_they_show() -> None:
    assert verdict([(0.99, 0.1)] * 4) is Verdict.NONE


def test_pairs_without_a_ratio_are_not_judged() -> None:
    assert verdict([(1.0, 0.0)] * 5, "cpu", 0.1) is Verdict.NONE


def test_equal_arms_without_any_spread_are_equivalent() -> None:
    assert verdict([(1.0, 1.0)] * 5) is Verdict.EQUIVALENT


def test_holm_is_over_the_family_and_points_do_not_belong_to_it() -> None:
    unsure = [(0.7 + shift, 0.7) for shift in (0.02, 0.20, 0.10, 0.05, 0.18)]
    alone = judge([comparison(unsure)])[0]
    with_points = judge([comparison(unsure), comparison([(0.9, 0.1)] * 3)])[0]
    among_many = judge([comparison(unsure)] * 4)[0]
    assert alone.p is not None
    assert with_points.p == alone.p
    assert among_many.p == pytest.approx(4 * alone.p)
    assert (alone.verdict, among_many.verdict) == (Verdict.BETTER, Verdict.INCONCLUSIVE)


def test_an_arm_against_itself_is_rarely_called_better_or_worse() -> None:
    rng = random.Random(7)
    wrong = 0
    for _ in range(400):
        pairs = [(rng.gauss(0.7, 0.05), rng.gauss(0.7, 0.05)) for _ in range(5)]
        wrong += verdict(pairs) in (Verdict.BETTER, Verdict.WORSE)
    assert wrong / 400 <= 0.05
