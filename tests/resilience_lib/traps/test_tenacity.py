"""What tenacity does under asyncio when it is used as its front page shows, and what our retries do in its place.

Each test shows the naive use failing first, with the real tenacity; ours is tried in both forms: by tenacity
(`Pipeline`), and by the engine (`EndpointPipeline`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import tenacity
from tenacity import _utils

from resilience_lib import BreakerPolicy, EdgePolicy, Flag, Outcome, RetryPolicy, TimeoutPolicy
from tests.resilience_lib.world import BUSY, OK, Callee, Gate, now, run, settle

AT_ONCE = tenacity.wait_none()


class CalleeFailedError(Exception):
    """What a retry is for; `who` met it."""

    def __init__(self, who: int = 0) -> None:
        super().__init__(who)
        self.who = who


def test_one_asyncretrying_for_many_tasks_mixes_up_their_ends_and_ours_keeps_them_apart(make: Any) -> None:
    async def main() -> None:
        shared = tenacity.AsyncRetrying(stop=tenacity.stop_after_attempt(3), reraise=True, wait=AT_ONCE)

        async def one(who: int) -> int:
            async for attempt in shared:
                with attempt:
                    await asyncio.sleep(0.001 * (who % 3))
                    if who % 2:
                        raise CalleeFailedError(who)
                    attempt.retry_state.set_result(who)
            return who

        ends = await asyncio.gather(*(one(who) for who in range(20)), return_exceptions=True)
        odd = [end for who, end in enumerate(ends) if who % 2]
        right = [isinstance(end, CalleeFailedError) and end.who == who for who, end in enumerate(ends) if who % 2]
        assert len(odd) == 10
        assert not all(right)  # somebody got another's end

        pipe = make(EdgePolicy(RetryPolicy(2, "5xx", 1e-3, 1e-3)), rng=Random(1))

        async def mine(who: int) -> Outcome[int]:
            async def attempt() -> Outcome[int]:
                await asyncio.sleep(0.001 * (who % 3))
                return Outcome(503 if who % 2 else 200, value=who)

            outcome: Outcome[int] = await pipe.call(attempt)
            return outcome

        outcomes = await asyncio.gather(*(mine(who) for who in range(20)))
        assert [outcome.value for outcome in outcomes] == [*range(20)]
        assert [outcome.attempts for outcome in outcomes] == [3 if who % 2 else 1 for who in range(20)]

    run(main)


def test_a_decorators_statistics_are_the_last_callers_and_ours_come_with_each_outcome(make: Any) -> None:
    async def main() -> None:
        @tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=AT_ONCE)
        async def decorated(callee: Callable[[], Any]) -> None:
            if (await callee()).status >= 500:
                raise CalleeFailedError

        gate = Gate()
        patient = asyncio.create_task(decorated(Callee(BUSY, BUSY, gate)))
        await settle()
        await decorated(Callee(OK))
        gate.waiting[0].set_result(OK)
        await patient
        statistics: dict[str, Any] = decorated.statistics
        assert statistics["attempt_number"] == 1  # of the call that ended last, which took three

        pipe, slow = make(EdgePolicy(RetryPolicy(2, "5xx", 1e-9, 1e-9))), Gate()
        mine = asyncio.create_task(pipe.call(Callee(BUSY, BUSY, slow)))
        await asyncio.sleep(1)
        assert (await pipe.call(Callee(OK))).attempts == 1
        slow.waiting[0].set_result(OK)
        assert (await mine).attempts == 3

    run(main)


@pytest.mark.parametrize(
    "predicate",
    [
        tenacity.retry_if_not_exception_type(ValueError),
        tenacity.retry_unless_exception_type(ValueError),
        tenacity.retry_always,
    ],
    ids=["retry_if_not_exception_type", "retry_unless_exception_type", "retry_always"],
)
def test_negative_predicates_retry_a_cancelled_call_and_ours_ends_it(predicate: Any, make: Any) -> None:
    async def main() -> None:
        tries = Gate()

        @tenacity.retry(stop=tenacity.stop_after_attempt(3), retry=predicate, wait=AT_ONCE)
        async def decorated() -> Any:
            return await tries()

        task = asyncio.create_task(decorated())
        await settle()
        task.cancel()
        await settle()
        assert not task.done()
        assert len(tries.waiting) == 2  # its caller has given up, and another try is under way
        while not task.done():
            task.cancel()
            await settle()
        with contextlib.suppress(asyncio.CancelledError, tenacity.RetryError):
            await task

        gate = Gate()
        mine = asyncio.create_task(make(EdgePolicy(RetryPolicy(5, "5xx"))).call(gate))
        await settle()
        mine.cancel()
        with pytest.raises(asyncio.CancelledError):
            await mine
        assert len(gate.waiting) == 1

    run(main)


def test_stop_after_delay_interrupts_nothing_and_our_deadline_does(make: Any) -> None:
    async def main() -> None:
        @tenacity.retry(stop=tenacity.stop_after_delay(1.0))
        async def decorated() -> None:
            await asyncio.sleep(60)

        await decorated()
        assert now() == pytest.approx(60)

        outcome = await make(EdgePolicy(RetryPolicy(2, "5xx"), TimeoutPolicy(overall_s=1.0))).call(Callee(60.0))
        assert (outcome.status, outcome.flag) == (504, Flag.TIMEOUT)
        assert now() == pytest.approx(61)

    run(main)


def test_a_call_that_succeeds_pays_for_seven_questions_whether_things_are_coroutines_and_ours_for_none(
    monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    asked: list[object] = []
    original = _utils.is_coroutine_callable

    def counted(call: Callable[..., Any]) -> bool:
        asked.append(call)
        return original(call)

    monkeypatch.setattr(_utils, "is_coroutine_callable", counted)

    async def main() -> None:
        @tenacity.retry(stop=tenacity.stop_after_attempt(3))
        async def decorated() -> Outcome[Any]:
            return OK

        asked.clear()
        await decorated()
        assert len(asked) >= 5

        asked.clear()
        await make(EdgePolicy(RetryPolicy(2, "5xx"), TimeoutPolicy(1.0, 2.0), BreakerPolicy())).call(Callee(OK))
        assert asked == []

    run(main)


def test_attempts_are_tries_for_tenacity_and_retries_for_envoy_and_ours_counts_as_envoy(make: Any) -> None:
    async def main() -> None:
        callee = Callee(BUSY)

        @tenacity.retry(stop=tenacity.stop_after_attempt(2), wait=AT_ONCE)
        async def decorated() -> None:
            await callee()
            raise CalleeFailedError

        with pytest.raises(tenacity.RetryError):  # and not the callee's own failure
            await decorated()
        assert len(callee.calls) == 2

        outcome = await make(EdgePolicy(RetryPolicy(2, "5xx"))).call(Callee(Outcome(500, value=b"why")))
        assert (outcome.status, outcome.value, outcome.attempts) == (500, b"why", 3)

    run(main)


def test_its_jitter_is_drawn_from_everybodys_randomness_and_ours_from_the_pipelines_own(make: Any) -> None:
    wait = tenacity.wait_random_exponential(multiplier=1, max=10)
    state: Any = type("State", (), {"attempt_number": 3})()

    def drawn() -> float:
        return wait(state)

    before = random.getstate()
    try:
        random.seed(7)
        undisturbed = drawn()
        random.seed(7)
        random.random()  # anybody else in the process
        assert drawn() != undisturbed
    finally:
        random.setstate(before)

    async def main() -> list[float]:
        pauses: list[float] = []

        async def sleep(seconds: float) -> None:
            random.random()
            pauses.append(seconds)

        await make(EdgePolicy(RetryPolicy(3, "5xx")), rng=Random(7), sleep=sleep).call(Callee(BUSY))
        return pauses

    assert run(main) == run(main)
