"""A try cut off by its own limit or by the deadline."""

import asyncio
from typing import Any

import pytest

from resilience_lib import EdgePolicy, Event, Flag, Outcome, RetryPolicy, TimeoutPolicy
from tests.resilience_lib.world import OK, Callee, Heard, now, pipeline, run


@pytest.mark.parametrize(
    ("retry_on", "tries"), [("5xx", 2), ("gateway-error", 2), ("reset", 2), ("connect-failure,504", 1)]
)
def test_a_try_that_is_too_slow_is_a_504_ut_which_only_three_words_retry(retry_on: str, tries: int) -> None:
    async def main() -> None:
        callee = Callee(3600.0, OK)
        outcome = await pipeline(EdgePolicy(RetryPolicy(1, retry_on), TimeoutPolicy(0.25))).call(callee)
        assert len(callee.calls) == outcome.attempts == tries
        assert (outcome.status, outcome.flag) == ((200, None) if tries == 2 else (504, Flag.TIMEOUT))

    run(main)


def test_the_overall_deadline_cuts_a_try_and_is_not_retried() -> None:
    async def main() -> None:
        callee, heard = Callee(3600.0), Heard()
        policy = EdgePolicy(RetryPolicy(9, "5xx", 1e-3, 1e-3), TimeoutPolicy(0.4, 1.0))
        outcome = await pipeline(policy, listener=heard).call(callee)
        assert (outcome.status, outcome.flag, outcome.attempts) == (504, Flag.TIMEOUT, 3)
        assert now() == pytest.approx(1.0)
        assert heard.count(Event.TIMEOUT) == 3

    run(main)


def test_a_call_within_its_limits_is_left_alone() -> None:
    async def main() -> None:
        assert await pipeline(EdgePolicy(timeout=TimeoutPolicy(1.0, 1.0))).call(Callee(0.9)) == OK

    run(main)


def test_a_timeout_error_of_the_transports_own_is_not_taken_for_ours() -> None:
    async def confused() -> Outcome[Any]:
        raise TimeoutError

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await pipeline(EdgePolicy(timeout=TimeoutPolicy(1.0))).call(confused)

    run(main)


def test_cancellation_by_the_caller_is_not_turned_into_an_outcome() -> None:
    async def main() -> None:
        task = asyncio.create_task(pipeline(EdgePolicy(timeout=TimeoutPolicy(1.0, 1.0))).call(Callee(9.0)))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
