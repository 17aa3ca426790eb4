from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.effect_size import cliffs_delta

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8)


def test_the_delta_is_one_where_all_are_above_and_counts_ties_for_neither() -> None:
    assert cliffs_delta([3, 4], [1, 2]) == 1
    assert cliffs_delta([1, 2], [1, 2]) == 0
    assert cliffs_delta([1, 2, 3], [2]) == 0
    assert cliffs_delta([2, 3], [1, 2]) == 0.75
    assert cliffs_delta([], [1]) is None


@given(VALUES, VALUES)
def test_the_delta_turns_its_sign_with_the_samples(ours: list[float], theirs: list[float]) -> None:
    there, back = cliffs_delta(ours, theirs), cliffs_delta(theirs, ours)
    assert there is not None
    assert back == -there
    assert -1 <= there <= 1
