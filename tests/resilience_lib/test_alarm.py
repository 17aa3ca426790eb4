"""One timer for the limits of many tasks: the same ends, at the same times, as with an asyncio.timeout for each."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lib import Event, Outcome
from resilience_lib.alarm import Alarm
from resilience_lib.layer import Call
from resilience_lib.timeout import AlarmedLimit, TimeLimit
from tests.resilience_lib.world import OK, Heard, now, run

tenths = st.integers(0, 30).map(lambda tenth: tenth / 10)
ways = st.sampled_from(["answers", "raises", "holds on", "raises when cut off"])
deadlines = st.one_of(st.none(), tenths.map(lambda at: at + 0.03))
patience = st.one_of(st.none(), tenths.map(lambda seconds: seconds + 0.07))
tries = st.tuples(tenths, tenths, deadlines, patience, ways)
"""When it begins, how long it takes, its call's deadline, when its caller gives up, and how it takes being cut off.

No two of these fall on one moment, at which either could be first.
"""


class CallerError(Exception):
    """What a transport may raise."""


async def transport(lasts: float, way: str) -> Outcome[Any]:
    try:
        await asyncio.sleep(lasts)
    except asyncio.CancelledError:
        if way == "holds on":
            await asyncio.sleep(0.25)
            return OK
        if way == "raises when cut off":
            raise CallerError from None
        raise
    if way == "raises":
        raise CallerError
    return OK


async def ends(limit: TimeLimit, many: list[tuple[float, float, float | None, float | None, str]]) -> list[Any]:
    """Tell how each try ended, when, and how many requests to cancel were left with its task."""

    async def one(at: float, lasts: float, deadline: float | None, gives_up: float | None, way: str) -> Any:
        await asyncio.sleep(at)
        left: list[int] = []

        async def caller() -> Outcome[Any]:
            try:
                return await limit.call(Call(lambda: transport(lasts, way), deadline))
            finally:
                task = asyncio.current_task()
                assert task is not None
                left.append(task.cancelling())

        task = asyncio.create_task(caller())
        if gives_up is not None:
            asyncio.get_running_loop().call_later(gives_up, task.cancel)
        ended = (await asyncio.gather(task, return_exceptions=True))[0]
        return (ended if isinstance(ended, Outcome) else type(ended)), round(now(), 6), left

    return await asyncio.gather(*(one(*each) for each in many))


@given(st.one_of(st.none(), st.sampled_from([0.45, 1.05])), st.lists(tries, min_size=1, max_size=8))
def test_every_mix_of_tries_ends_as_under_a_timer_for_each(
    per_try: float | None, many: list[tuple[float, float, float | None, float | None, str]]
) -> None:
    def under(kind: type[TimeLimit]) -> tuple[list[Any], list[Event]]:
        heard = Heard()
        # what happens to different tries at one moment may be heard in any order
        return run(lambda: ends(kind(per_try, clock=now, listener=heard), many)), sorted(heard)

    assert under(AlarmedLimit) == under(TimeLimit)


def test_any_number_of_limits_that_are_lifted_in_time_arm_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    armed: list[float] = []

    async def main() -> None:
        loop, alarm = asyncio.get_running_loop(), Alarm()
        original = loop.call_at

        def call_at(when: float, *rest: Any, **named: Any) -> asyncio.TimerHandle:
            armed.append(when)
            return original(when, *rest, **named)

        monkeypatch.setattr(loop, "call_at", call_at)
        for _ in range(1000):
            alarm.lift(alarm.set(5.0))
        assert armed == [5.0]
        assert len(alarm._limits) == 0
        await asyncio.sleep(6)
        assert armed == [5.0, 6.0]  # the sleep's own: nothing was left to be woken for

    run(main)


def test_what_is_lifted_behind_one_that_still_runs_is_gone_when_that_one_ends() -> None:
    async def main() -> None:
        alarm = Alarm()
        slow = alarm.set(5.0)
        for _ in range(100):
            alarm.lift(alarm.set(5.0))
        alarm.lift(slow)
        assert len(alarm._limits) == 0

    run(main)


def test_a_limit_that_was_lifted_keeps_no_task_alive() -> None:
    async def main() -> None:
        alarm, waits = Alarm(), asyncio.Event()

        async def limited() -> None:
            alarm.lift(alarm.set(5.0))

        async def waiting() -> None:
            limit = alarm.set(5.0)
            await waits.wait()
            alarm.lift(limit)

        first = asyncio.create_task(waiting())
        await asyncio.sleep(0)
        second = asyncio.create_task(limited())
        await second
        gone = weakref.ref(second)
        del second
        await asyncio.sleep(0)  # the loop lets go of whose end it has just told
        gc.collect()
        assert gone() is None
        waits.set()
        await first

    run(main)


def test_a_timer_that_runs_for_a_lifted_limit_does_not_keep_a_shorter_one_waiting() -> None:
    async def main() -> None:
        alarm = Alarm()
        alarm.lift(alarm.set(5.0))
        limit = alarm.set(1.0)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(60)
        assert limit.expired
        assert limit.take_back()
        alarm.lift(limit)
        assert now() == 1.0

    run(main)


def test_a_shorter_limit_set_later_is_kept_to() -> None:
    async def main() -> None:
        alarm = Alarm()
        ended: list[float] = []

        async def limited(seconds: float) -> None:
            limit = alarm.set(seconds)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                assert limit.expired
                limit.take_back()
                ended.append(now())
            finally:
                alarm.lift(limit)

        await asyncio.gather(*(limited(seconds) for seconds in (5.0, 1.0, 7.0, 2.0, 7.0)))
        assert ended == [1.0, 2.0, 5.0, 7.0, 7.0]

    run(main)


def test_a_pipeline_that_outlives_its_event_loop_is_timed_on_the_next_one() -> None:
    limit = AlarmedLimit(1.0, clock=now, listener=None)

    async def cut_off() -> None:
        outcome = await limit.call(Call(lambda: transport(9.0, "answers"), None))
        assert outcome.status == 504
        assert now() == 1.0

    async def left_armed() -> None:
        await limit.call(Call(lambda: transport(0.0, "answers"), None))

    run(left_armed)
    run(cut_off)
