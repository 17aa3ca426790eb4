"""How long a try has: what its transport is told, and whose deadline it keeps to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from resilience_lib import EdgePolicy, Flag, HedgePolicy, Outcome, RetryPolicy, TimeoutPolicy, time_left
from tests.resilience_lib.world import BUSY, OK, Callee, now, run


def telling(told: list[float | None], *takes: float) -> Callee:
    """Return a callee that notes how long it has, takes so many seconds for each try, and fails."""

    async def one_try(seconds: float) -> Outcome[Any]:
        told.append(time_left())
        await asyncio.sleep(seconds)
        return BUSY

    return Callee(*(lambda s=seconds: one_try(s) for seconds in takes))


def test_each_try_is_told_the_shorter_of_its_own_limit_and_what_the_call_has_left(make: Any) -> None:
    async def main() -> None:
        told: list[float | None] = []
        policy = EdgePolicy(RetryPolicy(2, "5xx", 1e-9, 1e-9), TimeoutPolicy(0.4, 1.0, propagate=True))
        await make(policy).call(telling(told, 0.3, 0.35, 9.0))
        assert told == pytest.approx([0.4, 0.4, 0.35])

    run(main)


@pytest.mark.parametrize("timeout", [None, TimeoutPolicy(0.4, 1.0), TimeoutPolicy(propagate=True)])
def test_without_the_policy_or_without_a_limit_nothing_is_told(make: Any, timeout: TimeoutPolicy | None) -> None:
    async def main() -> None:
        told: list[float | None] = []
        await make(EdgePolicy(timeout=timeout)).call(telling(told, 0.1))
        assert told == [None]

    run(main)


def test_a_call_keeps_to_the_deadline_of_the_one_that_it_is_made_for(make: Any) -> None:
    async def main() -> None:
        told: list[float | None] = []
        pipe = make(EdgePolicy(RetryPolicy(9, "5xx"), TimeoutPolicy(2.0, 5.0, propagate=True)))
        outcome = await pipe.call(telling(told, 9.0), deadline=now() + 0.5)
        assert (outcome.status, outcome.flag) == (504, Flag.TIMEOUT)
        assert now() == pytest.approx(0.5)
        assert told == pytest.approx([0.5])

    run(main)


def test_a_call_for_somebody_who_has_given_up_is_not_made(make: Any) -> None:
    async def main() -> None:
        callee = Callee(OK)
        outcome = await make(EdgePolicy(timeout=TimeoutPolicy(propagate=True))).call(callee, deadline=now() - 0.1)
        assert (outcome.status, outcome.flag, outcome.attempts) == (504, Flag.TIMEOUT, 0)
        assert callee.calls == []

    run(main)


def test_without_the_policy_the_deadline_of_another_call_is_not_kept_to(make: Any) -> None:
    async def main() -> None:
        assert await make(EdgePolicy()).call(Callee(1.0), deadline=now() + 0.5) == OK

    run(main)


def test_what_was_told_is_forgotten_with_the_try_and_each_of_two_tries_has_its_own(make: Any) -> None:
    async def main() -> None:
        told: list[float | None] = []
        policy = EdgePolicy(timeout=TimeoutPolicy(0.4, 1.0, propagate=True), hedge=HedgePolicy(0.1))
        await make(policy).call(telling(told, 0.2, 0.2))
        assert time_left() is None
        assert told == pytest.approx([0.4, 0.4])

    run(main)
