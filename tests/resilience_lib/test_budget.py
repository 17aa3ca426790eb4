"""The share of calls that may be retried at once."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from resilience_lib.budget import RetryBudget

percents = st.integers(0, 100)


def granted(budget: RetryBudget, asked: int) -> int:
    """Ask so often, without giving back, and count."""
    return sum(budget.take() for _ in range(asked))


@given(percents, st.integers(0, 10), st.integers(0, 500))
def test_it_grants_its_share_of_what_is_active_or_its_minimum_whichever_is_more(
    percent: int, minimum: int, active: int
) -> None:
    budget = RetryBudget(percent, minimum, lambda: active)
    assert granted(budget, active + 20) == max(math.floor(percent / 100 * (active + 1)), minimum)


@given(st.integers(0, 500))
def test_ten_percent_never_adds_more_than_a_tenth(active: int) -> None:
    assert granted(RetryBudget(10, 0, lambda: active), active) <= 0.1 * (active + 1)


@pytest.mark.parametrize("percent", [0, 20])
def test_the_minimum_is_there_when_nothing_else_is_active(percent: int) -> None:
    assert granted(RetryBudget(percent, 3, lambda: 0), 10) == 3


def test_when_load_falls_no_permit_is_granted_until_enough_are_given_back() -> None:
    active = 99
    budget = RetryBudget(20, 1, lambda: active)
    assert granted(budget, 100) == 20
    active = 9  # a share of 2
    for _ in range(18):
        assert not budget.take()
        budget.give_back()
    assert not budget.take()
    budget.give_back()
    assert budget.take()


class Traffic(RuleBasedStateMachine):
    """Any order of calls that begin and end and retries that begin and end."""

    def __init__(self) -> None:
        super().__init__()
        self.active = self.retrying = 0
        self.budget = RetryBudget(25, 2, lambda: self.active)

    @rule(by=st.integers(1, 20))
    def begin(self, by: int) -> None:
        self.active += by

    @rule(by=st.integers(1, 20))
    def end(self, by: int) -> None:
        self.active = max(0, self.active - by)

    @rule()
    def retry(self) -> None:
        allowed = max(math.floor(0.25 * (self.active + 1)), 2)
        assert self.budget.take() == (self.retrying < allowed)
        self.retrying += self.retrying < allowed

    @precondition(lambda self: self.retrying > 0)
    @rule()
    def over(self) -> None:
        self.budget.give_back()
        self.retrying -= 1


def test_under_any_traffic_a_retry_is_granted_exactly_while_fewer_are_under_way_than_the_law_allows() -> None:
    run_state_machine_as_test(Traffic)
