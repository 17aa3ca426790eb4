"""A call is cancelled at each of its awaits, one after the other, and everything that it held is free again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from random import Random
from typing import Any

import pytest

from resilience_lib import (
    BreakerPolicy,
    BudgetPolicy,
    EdgePolicy,
    EndpointPolicy,
    LimitsPolicy,
    Outcome,
    OutlierPolicy,
    RetryPolicy,
    TimeoutPolicy,
)
from tests.resilience_lib.world import BUSY, OK, Callee, Gate, at_one_host, pipeline, run, settle

LIMITS = LimitsPolicy(connections=1, pending=1, retries=1)
EDGE = EdgePolicy(RetryPolicy(2, "5xx", 0.1, 0.1), TimeoutPolicy(1.0, 5.0), BreakerPolicy(50, 1.0), LIMITS)
UNTIMED = EdgePolicy(RetryPolicy(2, "5xx", 0.1, 0.1), None, BreakerPolicy(50, 1.0), LIMITS)


def by_tenacity(policy: EdgePolicy) -> Any:
    return pipeline(policy, rng=Random(1))


def by_the_engine(policy: EdgePolicy) -> Any:
    return at_one_host(EndpointPolicy.of(policy, OutlierPolicy(50)), rng=Random(1))


def with_a_budget(policy: EdgePolicy) -> Any:
    return at_one_host(EndpointPolicy.of(policy, OutlierPolicy(50), budget=BudgetPolicy(0, 1)), rng=Random(1))


class Cut:
    """Awaits a coroutine, and cancels it at its await number `at` (from 0) as a task would.

    While it waits, what it waits for is cancelled first. `late`: that is done already, and the word of it is overtaken.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int, *, late: bool) -> None:
        self._coroutine, self._at, self._late, self.awaits = coroutine, at, late, 0

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            waited = self._coroutine.send(None)
            while True:
                cut = self.awaits == self._at
                self.awaits += 1
                if cut and not self._late:
                    if waited is not None:
                        waited.cancel()
                    waited = self._coroutine.throw(asyncio.CancelledError())
                    continue
                try:
                    yield waited
                except BaseException as error:
                    waited = self._coroutine.throw(error)
                else:
                    waited = self._coroutine.throw(asyncio.CancelledError()) if cut else self._coroutine.send(None)
        except StopIteration as end:
            return end.value


async def nothing_is_held(pipe: Any) -> None:
    """Fill every place that there is: the one slot, the one place in the queue, the one permit."""
    gate = Gate()
    tasks = [asyncio.create_task(pipe.call(gate)) for _ in range(3)]
    await settle()
    assert len(gate.waiting) == 1
    assert [task.done() for task in tasks] == [False, False, True]  # one runs, one waits, one is refused
    gate.waiting[0].set_result(OK)
    await settle()
    gate.waiting[1].set_result(OK)
    await asyncio.gather(*tasks)
    assert (await pipe.call(Callee(BUSY, OK))).attempts == 2
    if hasattr(pipe, "endpoints"):
        assert pipe.endpoints.active == 0


async def hop() -> Outcome[Any]:
    await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    return BUSY


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "as the wait ends"])
@pytest.mark.parametrize("policy", [EDGE, UNTIMED], ids=["with time limits", "without time limits"])
@pytest.mark.parametrize("make", [by_tenacity, by_the_engine, with_a_budget])
def test_wherever_a_call_is_cancelled_no_slot_place_or_permit_is_lost(
    make: Callable[[EdgePolicy], Any], policy: EdgePolicy, late: bool
) -> None:
    async def cancelled_at(number: int) -> bool:
        pipe = make(policy)
        first = asyncio.create_task(pipe.call(Callee(0.2)))  # so that the call waits in the queue at first
        await settle()
        victim = Cut(pipe.call(Callee(hop, hop, OK)), number, late=late)
        try:
            outcome = await victim
        except asyncio.CancelledError:
            outcome = None
        await first
        await nothing_is_held(pipe)
        assert (outcome is None) == (victim.awaits > number)
        assert outcome is None or outcome.attempts == 3
        return outcome is None

    awaits = 0
    while run(partial(cancelled_at, awaits)):
        awaits += 1
    assert awaits == 7  # the queue, two in each of two failing tries, two pauses


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "as the wait ends"])
@pytest.mark.parametrize("at", [0, 1])
def test_wherever_a_probe_is_cancelled_its_place_is_free_for_the_next(at: int, late: bool) -> None:
    async def main() -> None:
        pipe = pipeline(EdgePolicy(breaker=BreakerPolicy(1, 1.0)))
        await pipe.call(Callee(BUSY))
        await asyncio.sleep(1)
        with pytest.raises(asyncio.CancelledError):
            await Cut(pipe.call(Callee(hop)), at, late=late)
        assert await pipe.call(Callee(OK)) == OK

    run(main)
