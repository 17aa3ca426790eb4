"""Stopping when intervals are narrow: what it costs, over simulated runs whose truth is known."""

from __future__ import annotations

import random

import pytest

from benchmarks.stopping import LEAST, enough, half_width
from benchmarks.verdict import Comparison, Verdict, judge
from tests.benchmarks.simulated import comparison, normal, skewed

CEILING = 40


def stopped(rng: random.Random, effect: float, sigma: float, least: int = LEAST) -> Comparison:
    """Pairs are added one by one, from `least` on, until the rule says that it is enough."""
    pairs = [normal(rng, effect, sigma) for _ in range(least)]
    while True:
        [judged] = judge([comparison(pairs)])
        if half_width(judged) <= 1 or len(pairs) == CEILING:
            return judged
        pairs.append(normal(rng, effect, sigma))


def covered(least: int, trials: int = 2000) -> float:
    rng = random.Random(f"stopping/{least}")
    held = 0
    for _ in range(trials):
        interval = stopped(rng, 0.1, 0.08, least).interval
        assert interval is not None
        held += interval.low <= 0.1 <= interval.high
    return held / trials


def test_a_first_look_at_twelve_pairs_keeps_the_coverage_that_one_at_five_would_lose() -> None:
    assert covered(LEAST) >= 0.94
    assert covered(5) < covered(LEAST)


def test_equal_arms_are_not_told_apart_more_often_because_the_bench_stops_early() -> None:
    rng = random.Random(4)
    found = [stopped(rng, 0.0, 0.1).verdict for _ in range(1000)]
    assert sum(one in (Verdict.BETTER, Verdict.WORSE) for one in found) / 1000 <= 0.05


def test_nothing_is_enough_before_the_first_look() -> None:
    rng = random.Random(5)
    pairs = [normal(rng, 0, 1e-6) for _ in range(LEAST)]
    assert enough([]) is None
    assert enough([comparison(pairs[:-1])]) is None
    assert "every interval is at most as wide as its margin" in (enough([comparison(pairs)]) or "")


def test_one_wide_interval_keeps_the_bench_going() -> None:
    rng = random.Random(6)
    narrow, wide = ([normal(rng, 0, sigma) for _ in range(20)] for sigma in (0.001, 5))
    assert enough([comparison(narrow), comparison(wide)]) is None


@pytest.mark.parametrize("factor", [1.0, 1.4])
def test_the_width_of_a_ratio_does_not_depend_on_the_ratio(factor: float) -> None:
    draws = [skewed(random.Random(at)) for at in range(LEAST)]
    width = half_width(comparison([(a * factor, b) for a, b in draws], "latency-p90", 0.1))
    assert width == pytest.approx(half_width(comparison(draws, "latency-p90", 0.1)))
