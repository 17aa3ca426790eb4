from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report.html.calls import places
from benchmarks.report.html.plot import Scale, decades, ticks

VALUES = st.floats(-1e6, 1e6)


@given(VALUES, VALUES)
def test_ticks_are_few_round_and_within_the_range(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high)
    assert 1 <= len(found) <= 7 or high - low < 1e-9
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert all(low - slack <= value <= high + slack for value in found) or high == low


@given(st.floats(0.1, 1e5), st.floats(1.5, 1e4))
def test_decades_are_one_two_and_five_times_powers_of_ten(low: float, factor: float) -> None:
    for value in decades(low, low * factor):
        assert low <= value <= low * factor
        assert round(value / 10 ** math.floor(math.log10(value) + 1e-9), 6) in (1, 2, 5)


@pytest.mark.parametrize(("value", "pixel"), [(0, 10), (5, 60), (10, 110), (-1, 10), (99, 110)])
def test_a_scale_is_linear_and_ends_at_its_ends(value: float, pixel: float) -> None:
    assert Scale(0, 10, 10, 110)(value) == pixel


def test_a_service_stands_right_of_everybody_who_calls_it() -> None:
    found = places({("a", "b"): 1, ("b", "c"): 1, ("a", "c"): 1})
    assert found == {"a": (0, 0), "b": (1, 0), "c": (2, 0)}


def test_services_that_call_each_other_have_places_of_their_own() -> None:
    assert len(set(places({("a", "b"): 1, ("b", "a"): 1}).values())) == 2
