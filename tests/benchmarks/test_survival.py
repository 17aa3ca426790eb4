from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.measures.elapsed import Censored, Elapsed, Time
from benchmarks.survival import curve, median

TIMES = st.lists(
    st.builds(Elapsed, st.floats(0, 100)) | st.builds(Censored, st.floats(0, 100)), min_size=1, max_size=12
)


def test_the_curve_is_the_worked_example() -> None:
    # Patients leaving remission after 6, 6, 6, 7, 10 weeks, given up at 6, 9, 10, 11: Freireich et al. (1963), in part.
    times: list[Time] = [Elapsed(6), Elapsed(6), Elapsed(6), Censored(6), Elapsed(7), Censored(9), Elapsed(10)]
    times += [Censored(10), Censored(11)]
    steps = curve(times)
    assert [at for at, _ in steps] == [6, 7, 10]
    assert [share for _, share in steps] == pytest.approx([6 / 9, 6 / 9 * 4 / 5, 6 / 9 * 4 / 5 * 2 / 3])


def test_without_censoring_the_median_is_the_lower_middle() -> None:
    assert median([Elapsed(3), Elapsed(1), Elapsed(2)]) == Elapsed(2)
    assert median([Elapsed(4), Elapsed(1), Elapsed(2), Elapsed(3)]) == Elapsed(2)


@pytest.mark.parametrize("n", range(2, 41, 2))
def test_of_an_even_number_of_times_it_is_the_lower_middle_whatever_a_float_makes_of_a_half(n: int) -> None:
    assert median([Elapsed(second) for second in range(1, n + 1)]) == Elapsed(n / 2)


def test_when_most_never_ended_there_is_no_number() -> None:
    assert median([Elapsed(1), Censored(5), Censored(9)]) == Censored(9)
    assert median([]) is None


@given(TIMES)
def test_shares_fall_from_one_and_never_below_nothing(times: list[Time]) -> None:
    shares = [1.0, *(share for _, share in curve(times))]
    assert all(later < earlier for earlier, later in pairwise(shares))
    assert shares[-1] >= 0


@given(TIMES, st.floats(101, 1000))
def test_a_time_that_never_ended_makes_no_median_shorter(times: list[Time], longer: float) -> None:
    before, after = median(times), median([*times, Censored(longer)])
    if isinstance(before, Elapsed) and isinstance(after, Elapsed):
        assert after.seconds >= before.seconds
