"""Counts of independent trials, against figures worked out apart."""

from __future__ import annotations

import pytest

from benchmarks.binomial import resolution, within


@pytest.mark.parametrize(("trials", "deviation"), [(1, 0.25), (200, 0.0035049)])
def test_a_share_of_none_is_known_as_jeffreys_posterior_is(trials: int, deviation: float) -> None:
    # Beta(1/2, n + 1/2): mean m = 1 / (2n + 2), variance m (1 - m) / (n + 2); for n = 1 it is 3/16 / 3
    assert resolution(trials) == pytest.approx(deviation, rel=1e-3)


@pytest.mark.parametrize(("seen", "expected"), [(30, True), (60, True), (0, False), (100, False)])
def test_a_count_far_out_in_a_tail_is_not_by_chance(seen: int, expected: bool) -> None:
    assert within(seen, 100, 0.45) is expected


@pytest.mark.parametrize(("seen", "expected"), [(5000, True), (4900, True), (4700, False), (5300, False)])
def test_ten_thousand_trials_are_not_too_many(seen: int, expected: bool) -> None:
    # one standard deviation is 50: two are by chance, six are not
    assert within(seen, 10_000, 0.5) is expected
