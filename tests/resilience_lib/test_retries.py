"""The engine's own retries: what tenacity would do, and what a budget adds."""

import asyncio
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lib import (
    BudgetPolicy,
    EdgePolicy,
    EndpointPolicy,
    Event,
    Flag,
    LimitsPolicy,
    Outcome,
    RetryPolicy,
    TimeoutPolicy,
)
from tests.resilience_lib.world import (
    BUSY,
    CLOSED,
    OK,
    UNREACHABLE,
    Callee,
    Gate,
    Heard,
    at_one_host,
    now,
    pipeline,
    run,
    settle,
)

steps = st.sampled_from([OK, BUSY, UNREACHABLE, CLOSED, Outcome(404), Outcome(500), 0.1, 0.29, 0.31, 5.0])
timeouts = st.sampled_from([None, TimeoutPolicy(0.3), TimeoutPolicy(None, 1.0), TimeoutPolicy(0.3, 1.0)])


@given(
    st.lists(steps, min_size=1, max_size=6),
    st.builds(RetryPolicy, st.integers(1, 4), st.sampled_from(["5xx", "reset", "connect-failure,503"])),
    timeouts,
    st.integers(),
)
def test_every_script_ends_as_under_tenacity_at_the_same_time_and_with_the_same_events(
    script: list[Outcome[Any] | float], retry: RetryPolicy, timeout: TimeoutPolicy | None, seed: int
) -> None:
    async def under(engine: bool) -> tuple[Outcome[Any], list[float], float, list[Event]]:
        heard, callee, edge = Heard(), Callee(*script), EdgePolicy(retry=retry, timeout=timeout)
        make = at_one_host if engine else pipeline
        policy: Any = EndpointPolicy.of(edge) if engine else edge
        outcome = await make(policy, listener=heard, rng=Random(seed)).call(callee)
        return outcome, callee.calls, now(), heard

    assert run(lambda: under(engine=True)) == run(lambda: under(engine=False))


def test_pauses_are_drawn_below_a_ceiling_that_doubles_up_to_its_maximum() -> None:
    class Highest(Random):
        def random(self) -> float:
            return 1.0

    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def main() -> None:
        policy = EndpointPolicy(retry=RetryPolicy(6, "5xx", 0.025, 0.25))
        await at_one_host(policy, rng=Highest(), sleep=sleep).call(Callee(BUSY))

    run(main)
    assert pauses == [0.025, 0.05, 0.1, 0.2, 0.25, 0.25]


@pytest.mark.parametrize("cancel_at", [0.5, 1e-6], ids=["in a retry", "in the pause"])
def test_a_cancelled_call_gives_its_permit_back(cancel_at: float) -> None:
    async def main() -> None:
        policy = EndpointPolicy(RetryPolicy(3, "5xx", 1e-4, 1e-4), limits=LimitsPolicy(retries=1))
        pipe, callee = at_one_host(policy), Callee(BUSY, 3600.0)
        task = asyncio.create_task(pipe.call(callee))
        await asyncio.sleep(cancel_at)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(callee.calls) <= 2
        assert (await pipe.call(Callee(BUSY, OK))).status == 200

    run(main)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 100), st.integers(0, 5))
def test_in_an_outage_no_more_calls_are_retried_at_once_than_the_budget_allows(
    healthy: int, failing: int, percent: int, minimum: int
) -> None:
    async def main() -> None:
        gate, heard = Gate(), Heard()
        policy = EndpointPolicy(
            RetryPolicy(1, "5xx", 60.0, 60.0), BudgetPolicy(percent, minimum), limits=LimitsPolicy(retries=0)
        )
        pipe = at_one_host(policy, listener=heard)
        steady = [asyncio.create_task(pipe.call(gate)) for _ in range(healthy)]
        await settle()
        failed = [asyncio.create_task(pipe.call(Callee(BUSY, OK))) for _ in range(failing)]
        await settle()
        refused = [task.result() for task in failed if task.done()]
        # each of the failing calls is judged while it alone is active beside the healthy ones
        assert failing - len(refused) == min(failing, max(int(percent / 100 * (healthy + 1)), minimum))
        assert all(outcome[:2] == (503, Flag.OVERFLOW) for outcome in refused)
        assert heard.count(Event.REJECT) == len(refused)
        for answer in gate.waiting:
            answer.set_result(OK)
        await asyncio.gather(*steady, *failed)

    run(main)
