"""The order of the layers, seen from outside: each test fails if the two layers that it names change places."""

import asyncio
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience_lib import (
    BreakerPolicy,
    EdgePolicy,
    Event,
    Flag,
    LimitsPolicy,
    Outcome,
    Pipeline,
    RetryPolicy,
    TimeoutPolicy,
)
from tests.resilience_lib.world import BUSY, CLOSED, OK, Callee, Gate, Heard, now, pipeline, run, settle

FULL = EdgePolicy(RetryPolicy(2, "5xx"), TimeoutPolicy(0.25, 2.0), BreakerPolicy(5, 1.0), LimitsPolicy(100, 100, 20))


def test_retry_is_outside_the_breaker_so_each_try_counts_and_a_refused_one_is_not_repeated() -> None:
    async def main() -> None:
        heard, callee = Heard(), Callee(BUSY)
        policy = EdgePolicy(retry=RetryPolicy(5, "5xx"), breaker=BreakerPolicy(2, 60.0))
        outcome = await pipeline(policy, listener=heard).call(callee)
        assert len(callee.calls) == outcome.attempts == 2  # the other way round: 6 tries, and one failure counted
        assert (outcome.status, outcome.flag) == (503, Flag.OVERFLOW)
        assert heard == [Event.ATTEMPT, Event.RETRY, Event.ATTEMPT, Event.OPEN, Event.RETRY, Event.REJECT]

    run(main)


def test_the_breaker_is_outside_the_limits_so_it_refuses_without_a_wait_for_a_slot() -> None:
    async def main() -> None:
        gate = Gate()
        pipe = pipeline(EdgePolicy(breaker=BreakerPolicy(1, 1.0), limits=LimitsPolicy(connections=1)))
        await pipe.call(Callee(BUSY))
        await asyncio.sleep(1.0)
        probe = asyncio.create_task(pipe.call(gate))
        await settle()  # half-open, and the probe has the only slot
        late = asyncio.create_task(pipe.call(gate))
        await settle()
        assert late.done()
        assert late.result().flag is Flag.OVERFLOW
        gate.waiting[0].set_result(OK)
        assert await probe == OK

    run(main)


def test_limits_are_outside_the_per_try_timeout_so_waiting_for_a_slot_does_not_count() -> None:
    async def main() -> None:
        policy = EdgePolicy(timeout=TimeoutPolicy(per_try_s=1.0), limits=LimitsPolicy(connections=1))
        pipe = pipeline(policy)
        outcomes = await asyncio.gather(*(pipe.call(Callee(0.9)) for _ in range(3)))
        assert now() == pytest.approx(2.7)
        assert outcomes == [OK, OK, OK]

    run(main)


def test_a_retry_goes_back_to_the_queue_so_it_holds_no_slot_in_its_pause() -> None:
    async def main() -> None:
        policy = EdgePolicy(RetryPolicy(1, "5xx", 9.0, 9.0), limits=LimitsPolicy(connections=1, pending=0))
        pipe = pipeline(policy)
        retried = asyncio.create_task(pipe.call(Callee(BUSY, OK)))
        await settle()
        assert await pipe.call(Callee(OK)) == OK
        assert (await retried).attempts == 2

    run(main)


def test_the_overall_deadline_is_outside_retry() -> None:
    async def main() -> None:
        policy = EdgePolicy(RetryPolicy(100, "5xx", 1e-3, 1e-3), TimeoutPolicy(0.3, 1.0))
        outcome = await pipeline(policy).call(Callee(3600.0))
        assert outcome.attempts == 4
        assert now() == pytest.approx(1.0)

    run(main)


def test_an_empty_policy_passes_everything_through() -> None:
    async def main() -> None:
        answer = Outcome(503, value=b"busy")
        assert await pipeline(EdgePolicy()).call(Callee(answer)) == answer

    run(main)


def test_a_full_pipeline_passes_a_first_success_through_with_one_event() -> None:
    async def main() -> None:
        heard, answer = Heard(), Outcome(200, value=b"done")
        assert await pipeline(FULL, listener=heard).call(Callee(answer)) == answer
        assert heard == [Event.ATTEMPT]

    run(main)


def test_the_default_clock_and_sleep_are_those_of_the_system() -> None:
    async def one_try(script: list[Outcome[Any]]) -> Outcome[Any]:
        return script.pop(0)

    async def main() -> None:
        script = [BUSY, OK]
        policy = EdgePolicy(RetryPolicy(1, "5xx", 1e-4, 1e-4), TimeoutPolicy(1.0, 1.0))
        assert (await Pipeline(policy).call(lambda: one_try(script))).attempts == 2

    asyncio.run(main())


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(["5xx", "gateway-error,connect-failure", "reset"]))
def test_under_any_mix_of_callers_the_laws_hold_and_nothing_leaks(seed: int, retry_on: str) -> None:
    """No call exceeds its tries or its deadline, never more than the limit run at once, and all state is given back."""
    policy = EdgePolicy(
        RetryPolicy(2, retry_on, 0.05, 0.2), TimeoutPolicy(0.3, 1.0), BreakerPolicy(4, 0.5), LimitsPolicy(3, 4, 2)
    )

    async def main() -> None:
        rng, heard, running, most = Random(seed), Heard(), 0, 0
        pipe = pipeline(policy, rng=Random(seed), listener=heard)

        async def one_try() -> Outcome[Any]:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                await asyncio.sleep(rng.random() * 0.4)
                return rng.choice([OK, OK, CLOSED, Outcome(404)])
            finally:
                running -= 1

        async def caller() -> None:
            await asyncio.sleep(rng.random() * 4)
            begun = now()
            task = asyncio.create_task(pipe.call(one_try))
            if rng.random() < 0.3:
                await asyncio.sleep(rng.random())
                task.cancel()
            try:
                outcome = await task
            except asyncio.CancelledError:
                return
            assert now() - begun <= 1.0 + 1e-6
            assert outcome.attempts <= 3

        await asyncio.gather(*(caller() for _ in range(80)))
        assert running == 0
        assert most <= 3
        await asyncio.sleep(1)
        assert await pipe.call(Callee(OK)) == OK  # the breaker has recovered by its one probe
        gate = Gate()
        again = [asyncio.create_task(pipe.call(gate)) for _ in range(3)]
        await settle()
        assert len(gate.waiting) == 3  # every slot is free
        for answer in gate.waiting:
            answer.set_result(OK)
        await asyncio.gather(*again)
        both = [asyncio.create_task(pipe.call(Callee(CLOSED, OK))) for _ in range(2)]
        assert [outcome.attempts for outcome in await asyncio.gather(*both)] == [2, 2]  # and every retry permit

    run(main)
