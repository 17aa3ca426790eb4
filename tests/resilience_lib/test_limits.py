"""Slots, the bounded queue, and that neither leaks."""

import asyncio
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience_lib import EdgePolicy, Event, Flag, LimitsPolicy, Outcome, TimeoutPolicy
from tests.resilience_lib.world import OK, Callee, Gate, Heard, now, pipeline, run, settle


@given(st.integers(1, 5), st.integers(0, 5), st.integers(1, 20))
def test_so_many_run_so_many_wait_and_the_rest_is_refused_with_uo(connections: int, pending: int, calls: int) -> None:
    async def main() -> None:
        gate, heard = Gate(), Heard()
        pipe = pipeline(EdgePolicy(limits=LimitsPolicy(connections, pending)), listener=heard)
        tasks = [asyncio.create_task(pipe.call(gate)) for _ in range(calls)]
        await settle()
        refused = [task.result() for task in tasks if task.done()]
        assert len(gate.waiting) == min(calls, connections)
        assert len(refused) == heard.count(Event.REJECT) == max(0, calls - connections - pending)
        assert all(outcome[:2] == (503, Flag.OVERFLOW) and outcome.attempts == 0 for outcome in refused)
        served = 0
        while served < len(gate.waiting):
            gate.waiting[served].set_result(OK)
            served += 1
            await settle()
        assert served == calls - len(refused)
        assert all(task.result() == OK for task in tasks if task.result() not in refused)

    run(main)


@settings(max_examples=30)
@given(st.integers(), st.integers(1, 3), st.integers(0, 5))
def test_no_slot_is_lost_whenever_callers_give_up(seed: int, connections: int, pending: int) -> None:
    async def main() -> None:
        rng = Random(seed)
        pipe = pipeline(EdgePolicy(timeout=TimeoutPolicy(0.4, 1.0), limits=LimitsPolicy(connections, pending)))

        async def impatient() -> None:
            await asyncio.sleep(rng.random() * 3)
            task = asyncio.create_task(pipe.call(Callee(rng.random() * 0.6)))
            await asyncio.sleep(rng.random())
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        await asyncio.gather(*(impatient() for _ in range(60)))
        gate = Gate()
        tasks = [asyncio.create_task(pipe.call(gate)) for _ in range(connections + pending)]
        await settle()
        assert len(gate.waiting) == connections
        for task in tasks:
            assert not task.done()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(main)


def test_waiting_for_a_slot_ends_with_the_deadline_and_is_not_held_against_the_callee() -> None:
    async def main() -> None:
        gate, heard = Gate(), Heard()
        pipe = pipeline(EdgePolicy(timeout=TimeoutPolicy(overall_s=1.0), limits=LimitsPolicy(1)), listener=heard)
        first = asyncio.create_task(pipe.call(Callee(0.99)))
        waits = asyncio.create_task(pipe.call(Callee(9.0)))
        await settle()
        outcome: Outcome[Any] = await pipe.call(gate)
        assert now() == pytest.approx(1.0)
        assert (outcome.status, outcome.flag, outcome.attempts) == (504, Flag.TIMEOUT, 0)
        assert (await first).status == 200
        assert (await waits).status == 504

    run(main)
