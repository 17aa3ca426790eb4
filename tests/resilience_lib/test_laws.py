"""What holds whatever happens: any callee, any mix of callers, any time between them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience_lib import (
    BreakerPolicy,
    BudgetPolicy,
    EdgePolicy,
    EndpointPolicy,
    Event,
    Outcome,
    OutlierPolicy,
    RetryPolicy,
    TimeoutPolicy,
)
from resilience_lib.endpoints import EndpointSet
from tests.resilience_lib.world import (
    BUSY,
    CLOSED,
    OK,
    UNREACHABLE,
    Callee,
    Gate,
    at_one_host,
    now,
    pipeline,
    run,
    settle,
)

ends = st.sampled_from([OK, BUSY, UNREACHABLE, CLOSED, Outcome(404), Outcome(500)])
moments = st.floats(0, 3, allow_subnormal=False)


@given(st.integers(1, 5), st.lists(st.one_of(ends, st.floats(0, 1)), min_size=1, max_size=8), st.booleans())
def test_there_are_never_more_tries_than_the_policy_allows(
    attempts: int, script: list[Outcome[Any] | float], by_the_engine: bool
) -> None:
    async def main() -> None:
        policy = EdgePolicy(RetryPolicy(attempts, "5xx,retriable-4xx,404"), TimeoutPolicy(0.5))
        pipe: Any = at_one_host(EndpointPolicy.of(policy)) if by_the_engine else pipeline(policy)
        callee = Callee(*script)
        outcome = await pipe.call(callee)
        assert outcome.attempts == len(callee.calls) <= attempts + 1

    run(main)


@settings(max_examples=60)
@given(st.integers(1, 400), st.integers(), st.integers(0, 2), st.sampled_from([1e-6, 0.1]), st.integers(1, 4))
def test_in_an_outage_a_budget_of_ten_percent_adds_a_tenth_of_all_tries_and_its_minimum(
    calls: int, seed: int, minimum: int, pause: float, attempts: int
) -> None:
    """A tenth of all tries may be retries, so calls are amplified by at most 1 / (1 - 0.1), whatever `attempts` says.

    Beside it `minimum` tries may be under way at any time.
    """
    lasts, rng = 0.5, Random(seed)
    arrivals = [rng.random() * 3 for _ in range(calls)]

    async def slow() -> Outcome[Any]:
        await asyncio.sleep(lasts)
        return BUSY

    async def main() -> None:
        policy = EndpointPolicy(RetryPolicy(attempts, "5xx", pause, pause), BudgetPolicy(10, minimum))
        pipe, callee = at_one_host(policy, rng=Random(1)), Callee(slow)

        async def call(at: float) -> None:
            await asyncio.sleep(at)
            await pipe.call(callee)

        await asyncio.gather(*(call(at) for at in arrivals))
        by_minimum = minimum * math.ceil(now() / lasts)
        assert len(callee.calls) - calls <= calls / 9 + by_minimum

    run(main)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(moments, st.floats(0, 1), ends, st.booleans()), max_size=60),
    st.integers(1, 4),
    st.floats(0.05, 2),
)
def test_an_open_breaker_never_calls_and_a_half_open_one_has_one_probe(
    callers: list[tuple[float, float, Outcome[Any], bool]], failures: int, reset_s: float
) -> None:
    state, opened_at, probes = Event.CLOSE, 0.0, 0

    def heard(event: Event) -> None:
        nonlocal state, opened_at, probes
        if event in (Event.OPEN, Event.HALF_OPEN, Event.CLOSE):
            state, probes = event, 0
            opened_at = now() if event is Event.OPEN else opened_at

    async def main() -> None:
        pipe = pipeline(EdgePolicy(breaker=BreakerPolicy(failures, reset_s)), listener=heard)

        async def caller(at: float, lasts: float, end: Outcome[Any], gives_up: bool) -> None:
            async def one_try() -> Outcome[Any]:
                nonlocal probes
                assert state is not Event.OPEN
                is_probe, since = state is Event.HALF_OPEN, opened_at
                if is_probe:
                    assert now() - opened_at >= reset_s
                    probes += 1
                    assert probes == 1
                try:
                    await asyncio.sleep(lasts)
                finally:
                    if is_probe and state is Event.HALF_OPEN and since == opened_at:
                        probes -= 1
                return end

            await asyncio.sleep(at)
            task = asyncio.create_task(pipe.call(one_try))
            if gives_up:
                await asyncio.sleep(lasts / 2)
                task.cancel()
            ended = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(ended[0], Outcome | asyncio.CancelledError)

        await asyncio.gather(*(caller(*one) for one in callers))

    run(main)


@settings(max_examples=25)
@given(st.integers(2, 50), st.sampled_from([OK, BUSY]))
def test_any_number_of_callers_at_once_cause_one_probe(callers: int, end: Outcome[Any]) -> None:
    async def main() -> None:
        pipe, gate = pipeline(EdgePolicy(breaker=BreakerPolicy(1, 1.0))), Gate()
        await pipe.call(Callee(BUSY))
        await asyncio.sleep(1)
        tasks = [asyncio.create_task(pipe.call(gate)) for _ in range(callers)]
        await settle()
        assert len(gate.waiting) == 1
        gate.waiting[0].set_result(end)
        outcomes = await asyncio.gather(*tasks)
        assert [outcome.attempts for outcome in outcomes].count(0) == callers - 1

    run(main)


@settings(max_examples=60)
@given(
    st.integers(1, 12),
    st.integers(0, 100),
    st.lists(st.tuples(st.floats(0, 2), st.integers(0, 11), ends), max_size=80),
)
def test_no_order_of_failures_ejects_more_than_the_percentage(
    replicas: int, percent: int, script: list[tuple[float, int, Outcome[Any]]]
) -> None:
    time = 0.0
    policy = OutlierPolicy(2, 1, 0, interval_s=1.0, base_ejection_s=1.5, max_ejection_percent=percent)
    some = EndpointSet([("10.0.0.1", port) for port in range(replicas)], outlier=policy, clock=lambda: time)
    for pause, which, end in script:
        time += pause
        some.report(some._all[which % replicas], end)
        assert 100 * len(some.ejected) / replicas <= percent


@pytest.mark.parametrize("make", [lambda p: pipeline(p), lambda p: at_one_host(EndpointPolicy.of(p))])
@given(st.lists(st.floats(0, 2), min_size=1, max_size=6))
def test_no_call_outlives_its_deadline_and_no_try_its_own_limit(
    make: Callable[[EdgePolicy], Any], lasting: list[float]
) -> None:
    async def main() -> None:
        ended: list[float] = []

        async def one_try(lasts: float) -> Outcome[Any]:
            begun = now()
            try:
                await asyncio.sleep(lasts)
                return BUSY
            finally:
                ended.append(now() - begun)

        tries = iter([*lasting, *[0.1] * 10])
        await make(EdgePolicy(RetryPolicy(9, "5xx"), TimeoutPolicy(0.5, 1.2))).call(lambda: one_try(next(tries)))
        assert now() <= 1.2 + 1e-9
        assert max(ended) <= 0.5 + 1e-9

    run(main)
