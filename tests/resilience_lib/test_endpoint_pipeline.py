"""The engine as a whole: where each layer stands, seen from outside, and the laws under any mix of callers."""

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience_lib import (
    Address,
    BalancerPolicy,
    BudgetPolicy,
    EndpointPipeline,
    EndpointPolicy,
    Event,
    Flag,
    LimitsPolicy,
    Outcome,
    OutlierPolicy,
    RetryPolicy,
    TimeoutPolicy,
)
from tests.resilience_lib.world import BUSY, CLOSED, OK, Callee, Gate, Heard, at_one_host, now, run, settle

TURNS = BalancerPolicy("ROUND_ROBIN")
HOSTS: list[Address] = [("10.0.0.1", 1), ("10.0.0.2", 2), ("10.0.0.3", 3)]


class Replicas:
    """A transport: what each host plays, and where the tries went."""

    def __init__(self, **played: Callee | Gate) -> None:
        self._played = played
        self.went: list[int] = []

    async def __call__(self, address: Address) -> Outcome[Any]:
        self.went.append(address[1])
        return await self._played.get(f"host{address[1]}", Callee(OK))()


def engine(policy: EndpointPolicy, hosts: list[Address] = HOSTS, **others: Any) -> EndpointPipeline:
    return EndpointPipeline(policy, hosts, **{"clock": now, "rng": Random(1), **others})


def test_a_retry_goes_to_another_replica() -> None:
    async def main() -> None:
        pipe = engine(EndpointPolicy(RetryPolicy(2, "5xx"), balancer=TURNS))
        replicas = Replicas(host1=Callee(BUSY), host2=Callee(BUSY))
        outcomes = [await pipe.call(replicas) for _ in range(20)]
        assert {outcome.status for outcome in outcomes} == {200}
        assert max(outcome.attempts for outcome in outcomes) == 3

    run(main)


def test_an_ejected_replica_gets_no_call_until_it_is_back() -> None:
    async def main() -> None:
        policy = EndpointPolicy(balancer=TURNS, outlier=OutlierPolicy(2, 0, 0, 1.0, 5.0, 50))
        heard, replicas = Heard(), Replicas(host2=Callee(BUSY, BUSY, OK))
        pipe = engine(policy, listener=heard)
        for _ in range(12):
            await pipe.call(replicas)
        assert Counter(replicas.went)[2] == 2
        assert pipe.endpoints.ejected == [HOSTS[1]]
        await asyncio.sleep(5)
        for _ in range(3):
            await pipe.call(replicas)
        assert Counter(replicas.went)[2] == 3
        assert [event for event in heard if event is not Event.ATTEMPT] == [Event.EJECTION, Event.UNEJECTION]

    run(main)


def test_without_a_replica_the_answer_is_uh_without_a_try_and_is_not_retried() -> None:
    async def main() -> None:
        replicas = Replicas()
        outcome = await engine(EndpointPolicy(RetryPolicy(5, "5xx")), []).call(replicas)
        assert outcome == Outcome(503, Flag.NO_HEALTHY_HOST, sent=False, final=True, attempts=0)
        assert replicas.went == []

    run(main)


def test_when_the_last_replica_is_ejected_by_the_first_try_the_retry_ends_with_uh() -> None:
    async def main() -> None:
        outlier = OutlierPolicy(consecutive_5xx=1, max_ejection_percent=100)
        outcome = await at_one_host(EndpointPolicy(RetryPolicy(3, "5xx"), outlier=outlier)).call(Callee(BUSY))
        assert (outcome.status, outcome.flag, outcome.attempts) == (503, Flag.NO_HEALTHY_HOST, 1)

    run(main)


def test_a_per_try_timeout_counts_against_its_replica_and_a_full_queue_does_not() -> None:
    async def main() -> None:
        outlier = OutlierPolicy(consecutive_gateway_errors=1, consecutive_5xx=0, max_ejection_percent=100)
        policy = EndpointPolicy(timeout=TimeoutPolicy(1.0), outlier=outlier, limits=LimitsPolicy(1, 0))
        pipe = at_one_host(policy)
        slow = asyncio.create_task(pipe.call(Callee(9.0)))
        await settle()
        assert (await pipe.call(Callee(OK))).flag is Flag.OVERFLOW
        assert pipe.endpoints.ejected == []
        assert (await slow).status == 504
        assert len(pipe.endpoints.ejected) == 1

    run(main)


def test_a_cancelled_try_counts_neither_for_nor_against_its_replica() -> None:
    async def main() -> None:
        outlier = OutlierPolicy(consecutive_5xx=2, max_ejection_percent=100)
        pipe = at_one_host(EndpointPolicy(outlier=outlier))
        await pipe.call(Callee(BUSY))
        task = asyncio.create_task(pipe.call(Gate()))
        await settle()
        assert pipe.endpoints.active == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert pipe.endpoints.active == 0
        assert pipe.endpoints.ejected == []
        await pipe.call(Callee(BUSY))
        assert len(pipe.endpoints.ejected) == 1

    run(main)


def test_least_request_keeps_away_from_a_replica_that_hangs() -> None:
    async def main() -> None:
        pipe, replicas = engine(EndpointPolicy(), HOSTS[:2]), Replicas(host1=Gate())
        tasks = [asyncio.create_task(pipe.call(replicas)) for _ in range(3)]
        for _ in range(400):
            tasks.append(asyncio.create_task(pipe.call(replicas)))
            await settle()
        stuck = pipe.endpoints.active
        assert stuck < 150  # a quarter is drawn twice; half of all would be stuck if load did not count
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert pipe.endpoints.active == 0

    run(main)


def test_a_key_stays_with_its_replica() -> None:
    async def main() -> None:
        pipe = engine(EndpointPolicy(balancer=BalancerPolicy("RING_HASH")))
        for number in range(20):
            replicas = Replicas()
            for _ in range(5):
                await pipe.call(replicas, key=f"frame-{number}")
            assert len({*replicas.went}) == 1

    run(main)


def test_new_replicas_are_used_from_the_next_call_on() -> None:
    async def main() -> None:
        pipe, replicas = engine(EndpointPolicy(), HOSTS[:1]), Replicas()
        await pipe.call(replicas)
        pipe.endpoints.update(HOSTS[1:2])
        await pipe.call(replicas)
        assert replicas.went == [1, 2]

    run(main)


def test_the_default_clock_and_sleep_are_those_of_the_system() -> None:
    async def main() -> None:
        policy = EndpointPolicy(RetryPolicy(1, "5xx", 1e-4, 1e-4), timeout=TimeoutPolicy(1.0, 1.0))
        script = [BUSY, OK]

        async def one_try(_: Address) -> Outcome[Any]:
            return script.pop(0)

        assert (await EndpointPipeline(policy, HOSTS).call(one_try)).attempts == 2

    asyncio.run(main())


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(["5xx", "gateway-error,connect-failure", "reset"]))
def test_under_any_mix_of_callers_the_laws_hold_and_nothing_leaks(seed: int, retry_on: str) -> None:
    """Tries, deadline, slots and ejections stay within the policy, and all state is given back."""
    policy = EndpointPolicy(
        RetryPolicy(2, retry_on, 0.05, 0.2),
        BudgetPolicy(20, 1),
        TimeoutPolicy(0.3, 1.0),
        BalancerPolicy(),
        OutlierPolicy(2, 0, 0, 0.2, 0.3, 34),
        LimitsPolicy(3, 4),
    )

    async def main() -> None:
        rng, running, most = Random(seed), 0, 0
        pipe = engine(policy, rng=Random(seed))

        async def one_try(address: Address) -> Outcome[Any]:
            nonlocal running, most
            running += 1
            most = max(most, running)
            assert len(pipe.endpoints.ejected) <= 1
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
        assert running == pipe.endpoints.active == 0
        assert most <= 3
        await asyncio.sleep(10)
        assert pipe.endpoints.ejected == []
        gate = Gate()
        again = [asyncio.create_task(pipe.call(lambda _: gate())) for _ in range(3)]
        await settle()
        assert len(gate.waiting) == 3  # every slot is free
        for answer in gate.waiting:
            answer.set_result(OK)
        await asyncio.gather(*again)
        script = Callee(CLOSED, OK)
        assert (await pipe.call(lambda _: script())).attempts == 2  # and the permit of the budget

    run(main)


@pytest.mark.parametrize("kind", ["ROUND_ROBIN", "RANDOM", "LEAST_REQUEST", "RING_HASH"])
def test_the_same_seed_repeats_the_same_run(kind: str) -> None:
    async def main() -> tuple[list[int], float]:
        policy = EndpointPolicy(RetryPolicy(2, "5xx"), balancer=BalancerPolicy(kind), outlier=OutlierPolicy(3))
        pipe, replicas = engine(policy, rng=Random(5)), Replicas(host2=Callee(BUSY))
        for _ in range(50):
            await pipe.call(replicas)
        return replicas.went, now()

    assert run(main) == run(main)
