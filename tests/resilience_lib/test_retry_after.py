"""What a callee asks for with Retry-After, and how long it is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lib import EdgePolicy, Event, Flag, Outcome, RetryPolicy, TimeoutPolicy
from resilience_lib import parse_retry_after as parsed
from tests.resilience_lib.world import OK, Callee, Heard, now, run

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PLEASE_WAIT = Outcome[Any](503, retry_after_s=2.0)


def patient(most_s: float | None = 5.0, overall_s: float | None = None, attempts: int = 2) -> EdgePolicy:
    retry = RetryPolicy(attempts, "5xx", 0.1, 0.1, retry_after_s=most_s)
    return EdgePolicy(retry, TimeoutPolicy(overall_s=overall_s))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30.0),
        ("Saturday, 31-Jan-26 12:00:30 GMT", 30.0),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
        ("Sat Jan 31 12:00:07 2026", 7.0),
        ("1.5", None),
        ("-1", None),
        ("soon", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999999999", None),
        ("", None),
        (None, None),
    ],
)
def test_both_forms_of_the_header_are_read_and_nonsense_says_nothing(text: str | None, seconds: float | None) -> None:
    assert parsed(text, NOW) == seconds


@given(st.integers(0, 10**6))
def test_a_date_is_as_far_away_as_the_seconds_that_it_stands_for(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parsed(date, NOW) == parsed(str(seconds), NOW) == seconds


@given(st.text(max_size=40))
def test_no_text_is_an_error(text: str) -> None:
    assert (parsed(text, NOW) or 0.0) >= 0.0


def test_the_callee_is_left_alone_for_as_long_as_it_asks_and_then_for_the_pause(make: Any) -> None:
    async def main() -> None:
        callee = Callee(PLEASE_WAIT, OK)
        assert (await make(patient()).call(callee)).status == 200
        assert 2.0 <= callee.calls[1] < 2.1

    run(main)


def test_without_the_policy_what_it_asks_for_is_disregarded_as_envoy_does(make: Any) -> None:
    async def main() -> None:
        callee = Callee(PLEASE_WAIT, OK)
        await make(patient(most_s=None)).call(callee)
        assert callee.calls[1] < 0.1

    run(main)


@pytest.mark.parametrize(("most_s", "overall_s"), [(1.9, None), (5.0, 2.0)], ids=["the policy", "the deadline"])
def test_a_callee_that_asks_for_more_than_may_be_waited_is_not_called_again(
    make: Any, most_s: float, overall_s: float | None
) -> None:
    async def main() -> None:
        heard = Heard()
        outcome = await make(patient(most_s, overall_s), listener=heard).call(Callee(PLEASE_WAIT, OK))
        assert outcome == PLEASE_WAIT  # at once, and with what the callee said
        assert now() == 0.0
        assert heard == [Event.ATTEMPT]

    run(main)


def test_each_answer_asks_anew_and_used_up_tries_are_used_up(make: Any) -> None:
    async def main() -> None:
        callee = Callee(PLEASE_WAIT, Outcome(503, retry_after_s=1.0), Outcome(503, retry_after_s=3.0))
        outcome = await make(patient()).call(callee)
        assert (outcome.flag, outcome.attempts) == (Flag.RETRIES_USED_UP, 3)
        assert 2.0 <= callee.calls[1] < 2.1
        assert 1.0 <= callee.calls[2] - callee.calls[1] < 1.1

    run(main)
