"""The closed forms, against tables, against enumeration, and against each other."""

from __future__ import annotations

from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.closed_form import (
    attempts,
    attempts_mass,
    erlang_c,
    storm,
    success,
    sum_bounds,
    wait_mmc,
)


@given(st.floats(0, 1), st.integers(1, 4))
def test_success_and_attempts_are_those_of_every_course_that_a_call_can_take(f: float, tries: int) -> None:
    won = made = 0.0
    for course in product((False, True), repeat=tries):
        likely = 1.0
        for good in course:
            likely *= 1 - f if good else f
        won += likely * any(course)
        made += likely * (course.index(True) + 1 if any(course) else tries)
    assert success(f, tries) == pytest.approx(won)
    assert attempts(f, tries) == pytest.approx(made)
    assert sum(attempts_mass(f, tries)) == pytest.approx(1)
    assert sum(n * likely for n, likely in enumerate(attempts_mass(f, tries))) == pytest.approx(made)


@pytest.mark.parametrize(("tries", "depth", "requests"), [(4, 3, 64), (3, 5, 243), (1, 9, 1)])
def test_a_storm_is_what_the_books_say(tries: int, depth: int, requests: int) -> None:
    assert storm(tries, depth) == requests


@pytest.mark.parametrize(("servers", "load", "waits"), [(1, 0.5, 0.5), (2, 1.0, 1 / 3), (5, 4.0, 0.5541)])
def test_erlangs_c_is_that_of_the_tables(servers: int, load: float, waits: float) -> None:
    assert erlang_c(servers, load) == pytest.approx(waits, abs=5e-5)


@given(st.floats(0.01, 0.95), st.floats(0.001, 1))
def test_with_one_server_the_wait_is_that_of_mm1(load: float, service_s: float) -> None:
    assert wait_mmc(load / service_s, service_s, 1) == pytest.approx(load * service_s / (1 - load))


@pytest.mark.parametrize("load", [1.0, 1.5, -0.1])
def test_a_queue_without_a_steady_state_has_no_answer(load: float) -> None:
    with pytest.raises(ValueError, match="load must be"):
        erlang_c(1, load)


@given(st.integers(1, 60), st.floats(0.01, 0.99), st.sampled_from([0.9, 0.95, 0.999]))
def test_bounds_of_a_sum_leave_at_most_half_of_the_rest_on_each_side(n: int, p: float, level: float) -> None:
    low, high = sum_bounds([1 - p, p], n, level)
    mass = [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    tail = (1 - level) / 2
    assert sum(mass[:low]) <= tail + 1e-9
    assert sum(mass[: low + 1]) > tail - 1e-9
    assert sum(mass[high + 1 :]) <= tail + 1e-9
    assert sum(mass[high:]) > tail - 1e-9


@pytest.mark.parametrize(("p", "bounds"), [(0.0, (0, 0)), (1.0, (9, 9))])
def test_what_is_certain_has_one_count(p: float, bounds: tuple[int, int]) -> None:
    assert sum_bounds([1 - p, p], 9, 0.95) == bounds
