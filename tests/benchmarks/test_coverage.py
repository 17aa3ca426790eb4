"""Whether intervals and verdicts are right as often as they say, over simulated runs whose truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from benchmarks.statistics import paired_difference, paired_ratio, wilson
from benchmarks.verdict import Verdict
from tests.benchmarks.simulated import Pair, goodput, normal, share, skewed, verdicts

TRIALS = 2000
DECIDED = (Verdict.BETTER, Verdict.WORSE)


def coverage(n: int, truth: float, draw: Callable[[random.Random], Pair], ratio: bool = False) -> float:
    """The share of TRIALS in which the 95 % interval of n pairs holds the truth."""
    rng = random.Random(f"coverage/{n}/{truth}/{ratio}")
    held = 0
    for _ in range(TRIALS):
        pairs = [draw(rng) for _ in range(n)]
        interval = paired_ratio(pairs) if ratio else paired_difference(pairs)
        assert interval is not None
        held += interval.low <= truth <= interval.high
    return held / TRIALS


@pytest.mark.parametrize("n", [5, 10, 20])
def test_intervals_of_normal_differences_hold_the_truth_in_95_of_100(n: int) -> None:
    assert 0.93 <= coverage(n, 0.1, lambda rng: normal(rng, 0.1)) <= 0.97


@pytest.mark.parametrize("n", [5, 10, 20])
def test_intervals_of_goodput_hold_the_truth_though_shares_are_no_normal_numbers(n: int) -> None:
    assert 0.93 <= coverage(n, -0.1, lambda rng: goodput(rng, 0.85, 0.95, spread=0.0)) <= 0.97


@pytest.mark.parametrize("n", [5, 10, 20])
def test_intervals_of_ratios_hold_the_truth_for_skewed_latencies(n: int) -> None:
    # The figures of docs/validity.md: with stalls in one cell of twenty, a little more than 95 %.
    assert 0.93 <= coverage(n, 1.3, lambda rng: skewed(rng, 1.3), ratio=True) <= 0.98


@pytest.mark.parametrize("n", [5, 10, 20])
def test_two_equal_arms_are_seldom_told_apart(n: int) -> None:
    # So noisy that an estimate often reaches the margin: only the test holds a false verdict back.
    found = verdicts(families=500, size=2, n=n, draw=lambda rng: normal(rng, 0.0, sigma=0.2), seed=n)
    false, of = share(one.verdict in DECIDED for one in found)
    bound = wilson(false, of)
    assert of >= 400
    assert bound is not None
    assert bound.high <= 0.07


def test_a_loss_of_ten_percent_of_goodput_is_found_with_ten_pairs() -> None:
    found = verdicts(families=100, size=4, n=10, draw=lambda rng: goodput(rng, 0.85, 0.95), seed=1)
    seen, of = share(one.verdict is Verdict.WORSE for one in found)
    assert seen / of >= 0.95


def test_equal_arms_with_little_noise_are_equivalent_and_not_merely_undecided() -> None:
    found = verdicts(families=50, size=4, n=10, draw=lambda rng: goodput(rng, 0.95, 0.95), seed=2)
    seen, of = share(one.verdict is Verdict.EQUIVALENT for one in found)
    assert seen / of >= 0.95


def test_a_bootstrap_would_hold_the_truth_less_often_than_the_intervals_that_are_used() -> None:
    rng = random.Random(3)
    held = {"t": 0, "bootstrap": 0}
    for _ in range(400):
        values = [rng.gauss(0, 1) for _ in range(5)]
        interval = paired_difference([(value, 0.0) for value in values])
        assert interval is not None
        means = sorted(math.fsum(rng.choices(values, k=5)) / 5 for _ in range(400))
        held["t"] += interval.low <= 0 <= interval.high
        held["bootstrap"] += means[10] <= 0 <= means[389]
    assert held["bootstrap"] < 0.90 * 400 < held["t"]
