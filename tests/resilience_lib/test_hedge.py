"""A second try beside a slow one: when, how many, which one counts, and that neither is left running."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience_lib import (
    Address,
    BalancerPolicy,
    EdgePolicy,
    EndpointPipeline,
    EndpointPolicy,
    Event,
    Flag,
    HedgePolicy,
    LimitsPolicy,
    Outcome,
    RetryPolicy,
    TimeoutPolicy,
)
from tests.resilience_lib.world import BUSY, OK, Callee, Gate, Heard, by_the_engine, now, pipeline, run, settle

SOON = HedgePolicy(delay_s=0.1)
EARLY = Outcome(200, value=b"early")


def test_a_try_that_answers_in_time_is_not_hedged(make: Any) -> None:
    async def main() -> None:
        heard, callee = Heard(), Callee(0.09)
        assert await make(EdgePolicy(hedge=SOON), listener=heard).call(callee) == OK
        assert heard == [Event.ATTEMPT]

    run(main)


def test_a_slow_try_is_sent_once_more_and_the_first_answer_is_taken(make: Any) -> None:
    async def main() -> None:
        heard, callee = Heard(), Callee(9.0, EARLY)
        outcome = await make(EdgePolicy(hedge=SOON), listener=heard).call(callee)
        assert outcome == EARLY._replace(attempts=2)
        assert now() == pytest.approx(0.1)
        assert heard == [Event.ATTEMPT, Event.HEDGE, Event.ATTEMPT]

    run(main)


def test_a_failure_waits_for_the_other_try_and_two_failures_are_one(make: Any) -> None:
    async def main() -> None:
        assert (await make(EdgePolicy(hedge=SOON)).call(Callee(0.5, BUSY))).status == 200
        assert now() == pytest.approx(0.5)
        late = Gate()
        task = asyncio.create_task(make(EdgePolicy(hedge=SOON)).call(late))
        await asyncio.sleep(1)
        late.waiting[0].set_result(BUSY)
        await settle()
        assert not task.done()
        late.waiting[1].set_result(Outcome(500))
        assert (await task).status == 500

    run(main)


@pytest.mark.parametrize("answers", [(BUSY, EARLY), (EARLY, BUSY)])
def test_of_two_tries_that_end_at_once_the_one_that_is_no_failure_is_taken(
    make: Any, answers: tuple[Outcome[Any], Outcome[Any]]
) -> None:
    async def main() -> None:
        gate = Gate()
        task = asyncio.create_task(make(EdgePolicy(hedge=SOON)).call(gate))
        await asyncio.sleep(1)
        for waiting, answer in zip(gate.waiting, answers, strict=True):
            waiting.set_result(answer)
        assert await task == EARLY._replace(attempts=2)

    run(main)


def test_a_try_that_fails_before_its_time_is_left_to_the_retries(make: Any) -> None:
    async def main() -> None:
        heard = Heard()
        policy = EdgePolicy(RetryPolicy(1, "5xx", 1e-9, 1e-9), hedge=SOON)
        assert (await make(policy, listener=heard).call(Callee(BUSY, OK))).attempts == 2
        assert Event.HEDGE not in heard

    run(main)


def test_a_hedge_goes_to_another_replica() -> None:
    hosts: list[Address] = [("10.0.0.1", port) for port in (1, 2, 3)]

    async def main() -> None:
        pipe = EndpointPipeline(
            EndpointPolicy(hedge=SOON, balancer=BalancerPolicy("RANDOM")), hosts, clock=now, rng=Random(1)
        )
        for _ in range(20):
            met: list[int] = []

            async def one_try(address: Address, met: list[int] = met) -> Outcome[Any]:
                met.append(address[1])
                await asyncio.sleep(0.2)
                return OK

            await pipe.call(one_try)
            assert len({*met}) == 2
        assert pipe.endpoints.active == 0

    run(main)


def test_no_more_tries_are_hedged_at_once_than_the_share_and_the_minimum(make: Any) -> None:
    async def main() -> None:
        gate, heard = Gate(), Heard()
        pipe = make(EdgePolicy(hedge=HedgePolicy(0.1, percent=10, minimum=1)), listener=heard)
        tasks = [asyncio.create_task(pipe.call(gate)) for _ in range(40)]
        await asyncio.sleep(1)
        assert len(gate.waiting) == 44
        assert heard.count(Event.HEDGE) == 4
        for answer in gate.waiting:
            answer.set_result(OK)
        await asyncio.gather(*tasks)
        few = Gate()
        tasks = [asyncio.create_task(pipe.call(few)) for _ in range(3)]
        await asyncio.sleep(1)
        assert len(few.waiting) == 4
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(main)


def test_what_a_transport_raises_comes_through_and_the_other_try_is_ended(make: Any) -> None:
    async def broken() -> Outcome[Any]:
        await asyncio.sleep(0.2)
        raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await make(EdgePolicy(hedge=SOON)).call(Callee(broken, 9.0))
        assert len(asyncio.all_tasks()) == 1

    run(main)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from([pipeline, by_the_engine]))
def test_under_any_mix_of_callers_nothing_is_left_running_and_no_slot_is_lost(seed: int, make: Any) -> None:
    policy = EdgePolicy(
        RetryPolicy(1, "5xx", 0.05, 0.1), TimeoutPolicy(0.4, 0.9), limits=LimitsPolicy(3, 3, 2), hedge=SOON
    )

    async def main() -> None:
        rng, running = Random(seed), 0
        pipe: Any = make(policy)

        async def one_try() -> Outcome[Any]:
            nonlocal running
            running += 1
            assert running <= 3
            try:
                await asyncio.sleep(rng.random() * 0.5)
                return rng.choice([OK, BUSY])
            finally:
                running -= 1

        async def caller() -> None:
            await asyncio.sleep(rng.random() * 2)
            begun, task = now(), asyncio.create_task(pipe.call(one_try))
            if rng.random() < 0.4:
                await asyncio.sleep(rng.random() * 0.5)
                task.cancel()
            end = (await asyncio.gather(task, return_exceptions=True))[0]
            assert now() - begun <= 0.9 + 1e-6
            assert end.attempts <= 4 if isinstance(end, Outcome) else isinstance(end, asyncio.CancelledError)

        await asyncio.gather(*(caller() for _ in range(40)))
        assert running == 0
        assert len(asyncio.all_tasks()) == 1
        gate = Gate()
        tasks = [asyncio.create_task(pipe.call(gate)) for _ in range(3)]
        await settle()
        assert len(gate.waiting) == 3
        for answer in gate.waiting:
            answer.set_result(OK)
        assert [outcome.flag for outcome in await asyncio.gather(*tasks)] == [None] * 3
        assert (await pipe.call(Callee(BUSY, OK))).flag is not Flag.OVERFLOW

    run(main)
