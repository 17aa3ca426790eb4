"""Statistics against published tables and laws."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.statistics import (
    holm,
    mean_share,
    paired_difference,
    paired_ratio,
    student_t_quantile,
    student_t_within,
    wilson,
)


@pytest.mark.parametrize(
    ("p", "df", "value"),
    [
        (0.975, 1, 12.7062), (0.975, 2, 4.3027), (0.975, 4, 2.7764), (0.975, 9, 2.2622), (0.975, 29, 2.0452),
        (0.95, 5, 2.0150), (0.995, 10, 3.1693), (0.9995, 3, 12.9240), (0.975, 120, 1.9799), (0.025, 4, -2.7764),
    ],
)  # fmt: skip
def test_quantiles_of_student_t_are_those_of_the_tables(p: float, df: int, value: float) -> None:
    assert student_t_quantile(p, df) == pytest.approx(value, abs=5e-5)


@given(p=st.floats(0.5, 0.9999), df=st.integers(1, 60))
def test_the_quantile_inverts_the_distribution(p: float, df: int) -> None:
    assert student_t_within(student_t_quantile(p, df), df) == pytest.approx(2 * p - 1, abs=1e-9)


@given(t=st.floats(0, 50))
def test_one_degree_of_freedom_is_the_cauchy_distribution(t: float) -> None:
    assert student_t_within(t, 1) == pytest.approx(2 / math.pi * math.atan(t))


def test_the_paired_interval_is_the_worked_example() -> None:
    # differences 1..5: mean 3, s = 1.5811, s / sqrt(5) = 0.7071, t(0.975, 4) = 2.7764, t = 4.2426 (p = 0.0132)
    interval = paired_difference([(float(d), 0.0) for d in range(1, 6)])
    assert interval is not None
    assert (interval.estimate, interval.n) == (3.0, 5)
    assert [interval.low, interval.high] == pytest.approx([1.0368, 4.9632], abs=1e-4)
    assert interval.p == pytest.approx(0.0132, abs=1e-4)


def test_pairs_cancel_what_both_arms_share() -> None:
    rng = random.Random(1)
    drift = [rng.gauss(0, 100) for _ in range(6)]
    interval = paired_difference([(shared + 1 + at * 0.01, shared) for at, shared in enumerate(drift)])
    assert interval is not None
    assert interval.high - interval.low < 0.1


@pytest.mark.parametrize(("pairs", "p"), [([(1.0, 1.0)] * 5, 1.0), ([(0.9, 0.7)] * 5, 0.0625)])
def test_without_spread_the_interval_is_the_estimate(pairs: list[tuple[float, float]], p: float) -> None:
    interval = paired_difference(pairs)
    assert interval is not None
    assert interval.high - interval.low == pytest.approx(0, abs=1e-9)
    assert interval.p == p


def test_pairs_that_agree_are_known_no_better_than_their_cells_can_know() -> None:
    # five differences of 1 with a standard deviation of at least 0.01: the error is 0.01 / sqrt(5), times t(0.975, 4)
    interval = paired_difference([(1.0, 0.0)] * 5, resolution=0.01)
    assert interval is not None
    assert [interval.low, interval.high] == pytest.approx([1 - 0.012417, 1 + 0.012417], abs=1e-6)
    assert interval.p is not None
    assert interval.p < 1e-6


def test_a_resolution_below_the_spread_changes_nothing() -> None:
    pairs = [(float(d), 0.0) for d in range(1, 6)]
    assert paired_difference(pairs, resolution=1.5) == paired_difference(pairs)


def test_a_ratio_is_estimated_on_the_log_scale() -> None:
    interval = paired_ratio([(2.0, 1.0), (8.0, 1.0)])
    assert interval is not None
    assert interval.estimate == pytest.approx(4.0)
    assert interval.low * interval.high == pytest.approx(16.0)


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), min_size=2, max_size=10))
def test_turning_the_arms_round_turns_the_ratio_round(pairs: list[tuple[float, float]]) -> None:
    one, other = paired_ratio(pairs), paired_ratio([(b, a) for a, b in pairs])
    assert one is not None
    assert other is not None
    assert math.log(one.low) == pytest.approx(-math.log(other.high), abs=1e-6)


@pytest.mark.parametrize("pairs", [[(1.0, 0.0), (1.0, 2.0)], [(-1.0, 1.0), (1.0, 2.0)], [(1.0, 2.0)], []])
def test_a_ratio_of_what_is_not_positive_or_not_repeated_has_no_interval(pairs: list[tuple[float, float]]) -> None:
    assert paired_ratio(pairs) is None


@pytest.mark.parametrize(
    ("wins", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (29, 29, 0.8830, 1.0)],
)  # Newcombe (1998), table I, method 3
def test_wilson_is_newcombes_table(wins: int, n: int, low: float, high: float) -> None:
    interval = wilson(wins, n)
    assert interval is not None
    assert [interval.low, interval.high] == pytest.approx([low, high], abs=5e-5)


def test_a_mean_of_shares_has_students_interval_within_what_a_share_can_be() -> None:
    found = mean_share([0.7, 0.8, 0.9])
    assert found is not None
    # 4.30265 is the quantile of Student's t with 2 degrees of freedom
    assert [found.estimate, found.low, found.high] == pytest.approx([0.8, 0.8 - 4.30265 * 0.1 / math.sqrt(3), 1.0])
    assert found.n == 3
    assert found.p is None
    assert mean_share([0.7]) is None


def test_equal_shares_are_known_no_better_than_their_resolution() -> None:
    found = mean_share([1.0] * 4, resolution=0.02)
    assert found is not None
    assert [found.low, found.high] == pytest.approx([1 - 3.18245 * 0.01, 1.0])


def test_no_trial_has_no_proportion() -> None:
    assert wilson(0, 0) is None


def test_holm_is_the_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_only_raises_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    ranked = [q for _, q in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = random.Random(20260101)
    hits = 0
    for _ in range(1000):
        interval = paired_difference([(rng.gauss(1, 1), 0.0) for _ in range(5)])
        assert interval is not None
        hits += interval.low <= 1 <= interval.high
    assert 0.93 <= hits / 1000 <= 0.97
