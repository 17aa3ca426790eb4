"""The account that the generator gives of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.audit import Audit, audit, quantile
from loadtests.rows import Outcome, Row


def late(index: int, lateness_ms: float) -> Row:
    return Row(index, 1.0, 1.0 + lateness_ms / 1000, 2.0, "127.0.0.1:1", f"7-{index}", 200, Outcome.SUCCESS)


def dropped(index: int) -> Row:
    return Row(index, 1.0, None, None, "127.0.0.1:1", f"7-{index}", None, Outcome.DROPPED)


def report(rows: list[Row], scheduled: int) -> Audit:
    return audit(rows, scheduled=scheduled, cpu_s=0.25, hidden_retries_off=True, interrupted=False)


def test_lateness_is_read_off_the_rows_that_were_sent() -> None:
    found = report([*(late(index, float(index)) for index in range(1, 101)), dropped(101)], scheduled=101)
    assert found.lateness_p50_ms == pytest.approx(50)
    assert found.lateness_p99_ms == pytest.approx(99)


def test_dropped_arrivals_are_counted_apart_from_those_sent() -> None:
    found = report([late(0, 1.0), dropped(1), dropped(2)], scheduled=5)
    assert (found.arrivals, found.sent, found.dropped) == (5, 1, 2)


def test_a_run_that_sent_nothing_has_no_lateness() -> None:
    assert report([], scheduled=0).lateness_p99_ms == 0


@pytest.mark.parametrize(("share", "value"), [(0.07, 7), (0.28, 28), (1.0, 100)])
def test_a_rank_is_not_raised_by_what_a_float_makes_of_it(share: float, value: float) -> None:
    # 0.07 * 100 is 7.000000000000001
    assert quantile([float(n) for n in range(1, 101)], share) == value


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_a_value_that_its_share_does_not_exceed(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = quantile(ordered, share)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= share * len(ordered) - 1e-9
    assert sum(value < found for value in ordered) < share * len(ordered)
