"""When a replica is ejected, for how long, and when it comes back: known answers, and a sweep-by-sweep model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lib import Event, Flag, Outcome
from resilience_lib.endpoint_policies import OutlierPolicy
from resilience_lib.endpoints import EndpointSet
from tests.resilience_lib.world import BUSY, CLOSED, OK, UNREACHABLE, Heard

BROKEN = Outcome[Any](500)
SLOW = Outcome[Any](504, Flag.TIMEOUT)
REFUSED = Outcome[Any](503, Flag.OVERFLOW, attempts=0)
NOT_FOUND = Outcome[Any](404)


class Hand:
    """A clock that is set by hand, and replicas whose outcomes are told to outlier detection by number."""

    def __init__(self, replicas: int, **policy: Any) -> None:
        self.now = 0.0
        self.heard = Heard()
        self.policy = OutlierPolicy(**{"max_ejection_percent": 100, **policy})
        addresses = [("10.0.0.1", port) for port in range(replicas)]
        self.set = EndpointSet(addresses, outlier=self.policy, clock=lambda: self.now, listener=self.heard)
        self.endpoints = [*self.set._all]

    def see(self, replica: int, outcomes: Sequence[Outcome[Any]]) -> None:
        for outcome in outcomes:
            self.set.report(self.endpoints[replica], outcome)

    def ejected(self, at: float | None = None) -> list[int]:
        self.now = self.now if at is None else at
        return [port for _, port in self.set.ejected]


@pytest.mark.parametrize(
    ("policy", "outcomes", "ejects"),
    [
        ({}, [BUSY] * 5, True),
        ({}, [BUSY] * 4, False),
        ({}, [BUSY, BROKEN, CLOSED, SLOW, UNREACHABLE], True),
        ({}, [BUSY] * 4 + [OK] + [BUSY] * 4, False),
        ({}, [BUSY] * 4 + [NOT_FOUND] + [BUSY], False),
        ({}, [BUSY] * 4 + [REFUSED] + [BUSY], True),
        ({"consecutive_5xx": 0}, [BUSY] * 50, False),
        ({"consecutive_5xx": 0, "consecutive_gateway_errors": 3}, [BUSY, SLOW, CLOSED], True),
        ({"consecutive_5xx": 0, "consecutive_gateway_errors": 3}, [BUSY, SLOW, BROKEN, CLOSED], False),
        ({"consecutive_gateway_errors": 3}, [BROKEN] * 5, True),
        ({"consecutive_local_origin_failures": 3}, [UNREACHABLE] * 3, True),
        ({"consecutive_local_origin_failures": 3}, [UNREACHABLE, UNREACHABLE, OK, UNREACHABLE], False),
        ({"consecutive_local_origin_failures": 3}, [UNREACHABLE, UNREACHABLE, BUSY, UNREACHABLE], False),
        ({"consecutive_local_origin_failures": 9}, [UNREACHABLE] * 8, False),
        ({"consecutive_local_origin_failures": 2}, [CLOSED] * 8, False),  # each time, the connection stood first
        ({"consecutive_local_origin_failures": 1}, [SLOW], True),
        ({"consecutive_local_origin_failures": 3}, [UNREACHABLE, UNREACHABLE, *[BUSY] * 5], True),
    ],
)
def test_so_many_failures_of_a_kind_in_a_row_eject(
    policy: dict[str, int], outcomes: list[Outcome[Any]], ejects: bool
) -> None:
    hand = Hand(2, **policy)
    hand.see(0, outcomes)
    assert hand.ejected() == ([0] if ejects else [])
    assert hand.heard == ([Event.EJECTION] if ejects else [])


def test_replicas_are_counted_apart() -> None:
    hand = Hand(2)
    for _ in range(4):
        hand.see(0, [BUSY])
        hand.see(1, [BUSY, OK])
    assert hand.ejected() == []
    hand.see(0, [BUSY])
    assert hand.ejected() == [0]


def test_an_ejected_replica_comes_back_on_a_sweep_and_not_between_sweeps() -> None:
    hand = Hand(2, interval_s=10, base_ejection_s=15)
    hand.now = 1.0
    hand.see(0, [BUSY] * 5)
    assert hand.ejected(at=16.0) == [0]  # its time is over
    assert hand.ejected(at=19.9) == [0]
    assert hand.ejected(at=20.0) == []
    assert hand.heard == [Event.EJECTION, Event.UNEJECTION]


def test_each_ejection_lasts_longer_up_to_300_s() -> None:
    hand, begins, lasted = Hand(2, interval_s=1, base_ejection_s=80), 0.0, []
    for _ in range(6):
        hand.now = begins
        hand.see(0, [BUSY] * 5)
        while hand.ejected():
            hand.now += 1
        lasted.append(hand.now - begins)
        begins = hand.now
    assert lasted == [80, 160, 240, 300, 300, 300]


def test_a_base_time_above_300_s_is_its_own_limit() -> None:
    hand = Hand(2, interval_s=1, base_ejection_s=400)
    hand.see(0, [BUSY] * 5)
    assert hand.ejected(at=399) == [0]
    assert hand.ejected(at=400) == []
    hand.see(0, [BUSY] * 5)
    assert hand.ejected(at=800) == []


def test_time_in_use_makes_the_next_ejection_shorter_again() -> None:
    hand = Hand(2, interval_s=1, base_ejection_s=3)
    hand.see(0, [BUSY] * 5)
    assert hand.ejected(at=3.0) == []
    hand.now = 4.5  # one sweep has found it in use
    hand.see(0, [BUSY] * 5)
    assert hand.ejected(at=7.5) == [0]
    assert hand.ejected(at=8.0) == []


def test_late_failures_of_an_ejected_replica_are_forgotten_when_it_comes_back() -> None:
    hand = Hand(2, interval_s=1, base_ejection_s=1)
    hand.see(0, [BUSY] * 9)
    assert hand.ejected(at=1.0) == []
    hand.see(0, [BUSY] * 4)
    assert hand.ejected() == []
    hand.see(0, [BUSY])
    assert hand.ejected() == [0]


@given(st.integers(1, 12), st.integers(0, 100))
def test_never_more_than_the_percentage_is_ejected(replicas: int, percent: int) -> None:
    hand = Hand(replicas, max_ejection_percent=percent)
    for replica in range(replicas):
        hand.see(replica, [BUSY] * 5)
    assert len(hand.ejected()) == max(n for n in range(replicas + 1) if 100 * n / replicas <= percent)


def test_the_default_ten_percent_ejects_nobody_out_of_nine_and_one_out_of_ten() -> None:
    for replicas, ejected in ((9, []), (10, [0])):
        hand = Hand(replicas, max_ejection_percent=OutlierPolicy().max_ejection_percent)
        hand.see(0, [BUSY] * 50)
        assert hand.ejected() == ejected


def test_a_replica_that_was_spared_counts_from_zero_again() -> None:
    hand = Hand(2, max_ejection_percent=50, interval_s=1, base_ejection_s=1)
    hand.see(0, [BUSY] * 5)
    hand.see(1, [BUSY] * 5)
    assert hand.ejected() == [0]
    assert hand.ejected(at=1.0) == []
    hand.see(1, [BUSY] * 4)
    assert hand.ejected() == []
    hand.see(1, [BUSY])
    assert hand.ejected() == [1]


@dataclass
class Model:
    """One replica under a timer that really sweeps, in whole ticks: Envoy's code, as plainly as it can be said."""

    interval: int
    base: int
    streak: int = 0
    ejected_at: int | None = None
    backoff: int = 0

    def fail(self, now: int) -> None:
        self.streak += 1
        if self.streak == 2 and self.ejected_at is None:
            self.streak = 0
            self.ejected_at = now
            if self.backoff * self.base < 300 + self.base:
                self.backoff += 1

    def sweep(self, now: int) -> None:
        if self.ejected_at is None:
            self.backoff = max(0, self.backoff - 1)
        elif now - self.ejected_at >= min(self.backoff * self.base, 300):
            self.ejected_at, self.streak = None, 0


@given(st.integers(1, 5), st.integers(1, 250), st.lists(st.tuples(st.integers(0, 90), st.booleans()), max_size=40))
def test_sweeps_that_are_made_up_for_leave_what_a_timer_would_have_left(
    interval: int, base: int, script: list[tuple[int, bool]]
) -> None:
    hand = Hand(1, consecutive_5xx=2, interval_s=interval, base_ejection_s=base)
    model, now = Model(interval, base), 0
    for pause, fails in script:
        for _ in range(pause):
            now += 1
            if now % interval == 0:
                model.sweep(now)
        hand.now = now
        if fails:
            model.fail(now)
            hand.see(0, [BUSY])
        assert hand.ejected() == ([] if model.ejected_at is None else [0])
