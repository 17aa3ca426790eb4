"""What pybreaker does under asyncio when it is used as its front page shows, and what our breaker does in its place.

Each test shows the naive use failing first, with the real pybreaker: the day it no longer fails, the test says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pybreaker
import pytest

from resilience_lib import BreakerPolicy, EdgePolicy, Event, Outcome, RetryPolicy
from resilience_lib.outcome import refused
from tests.resilience_lib.world import BUSY, OK, Callee, Gate, Heard, pipeline, run, settle

POLICY = EdgePolicy(breaker=BreakerPolicy(failures=2, reset_s=10.0))
AT_ONCE = 0.0  # a naive circuit with this reset timeout may be half-opened by the next call


class CalleeFailedError(Exception):
    """How a callee's failure is told to pybreaker."""


async def fail() -> None:
    raise CalleeFailedError


async def succeed() -> None:
    return None


async def naively(circuit: pybreaker.CircuitBreaker, call: Callable[[], Awaitable[Any]]) -> Any:
    with circuit.calling():
        return await call()


async def tripped(**others: Any) -> pybreaker.CircuitBreaker:
    circuit = pybreaker.CircuitBreaker(fail_max=2, **others)
    for _ in range(2):
        with contextlib.suppress(CalleeFailedError, pybreaker.CircuitBreakerError):
            await naively(circuit, fail)
    assert circuit.current_state == pybreaker.STATE_OPEN
    return circuit


def test_call_async_is_for_tornado_alone_and_ours_is_awaited() -> None:
    with pytest.raises(NameError, match="gen"):
        pybreaker.CircuitBreaker().call_async(succeed)  # type: ignore[no-untyped-call] # it has no types

    async def main() -> Outcome[Any]:
        return await pipeline(POLICY).call(Callee(OK))

    assert run(main) == OK


def test_the_decorator_counts_every_coroutine_as_a_success_and_ours_counts_how_it_ended() -> None:
    circuit = pybreaker.CircuitBreaker(fail_max=2)
    decorated = circuit(fail)

    async def main() -> None:
        for _ in range(10):
            with pytest.raises(CalleeFailedError):
                await decorated()
        assert (circuit.current_state, circuit.fail_counter) == (pybreaker.STATE_CLOSED, 0)

        callee, pipe = Callee(BUSY), pipeline(POLICY)
        for _ in range(10):
            await pipe.call(callee)
        assert len(callee.calls) == 2

    run(main)


def test_half_open_lets_all_of_fifty_callers_through_and_ours_lets_one() -> None:
    async def main() -> None:
        circuit = await tripped(reset_timeout=AT_ONCE)
        flood = Gate()
        callers = [asyncio.create_task(naively(circuit, flood)) for _ in range(50)]
        await settle()
        assert len(flood.waiting) == 50
        for answer in flood.waiting:
            answer.set_result(OK)
        await asyncio.gather(*callers)

        pipe, gate = pipeline(POLICY), Gate()
        for _ in range(2):
            await pipe.call(Callee(BUSY))
        await asyncio.sleep(10)
        tasks = [asyncio.create_task(pipe.call(gate)) for _ in range(50)]
        await settle()
        assert len(gate.waiting) == 1
        gate.waiting[0].set_result(OK)
        assert [await task for task in tasks].count(OK) == 1

    run(main)


def test_late_failures_prolong_an_open_circuit_and_under_ours_they_are_of_an_earlier_time() -> None:
    async def main() -> None:
        circuit, opened = pybreaker.CircuitBreaker(fail_max=2), Heard()
        late = Gate()
        early = [asyncio.create_task(naively(circuit, late)) for _ in range(3)]
        await settle()
        for _ in range(2):
            with contextlib.suppress(CalleeFailedError, pybreaker.CircuitBreakerError):
                await naively(circuit, fail)
        first = circuit._state_storage.opened_at
        for answer in late.waiting:
            answer.set_exception(CalleeFailedError())
        await asyncio.gather(*early, return_exceptions=True)
        again = circuit._state_storage.opened_at
        assert first is not None
        assert again is not None
        assert again > first  # each of them opened it once more

        pipe, gate = pipeline(POLICY, listener=opened), Gate()
        ours = [asyncio.create_task(pipe.call(gate)) for _ in range(3)]
        await settle()
        for _ in range(2):
            await pipe.call(Callee(BUSY))
        await asyncio.sleep(9)
        for outcome in gate.waiting:
            outcome.set_result(BUSY)
        await asyncio.gather(*ours)
        await asyncio.sleep(1)
        assert await pipe.call(Callee(OK)) == OK
        assert opened.count(Event.OPEN) == 1

    run(main)


def test_a_stale_success_closes_what_a_probe_is_testing_and_under_ours_the_probe_alone_decides() -> None:
    async def main() -> None:
        circuit, slow, probe = pybreaker.CircuitBreaker(fail_max=2, reset_timeout=AT_ONCE), Gate(), Gate()
        for _ in range(2):
            with contextlib.suppress(CalleeFailedError, pybreaker.CircuitBreakerError):
                await naively(circuit, fail)
        probing = asyncio.create_task(naively(circuit, probe))
        await settle()
        assert circuit.current_state == pybreaker.STATE_HALF_OPEN
        # a second call is let in beside the probe, and answers after the probe has failed
        other = asyncio.create_task(naively(circuit, slow))
        await settle()
        probe.waiting[0].set_exception(CalleeFailedError())
        await asyncio.gather(probing, return_exceptions=True)
        assert circuit.current_state == pybreaker.STATE_OPEN
        slow.waiting[0].set_result(OK)
        await other
        assert circuit.current_state == pybreaker.STATE_CLOSED  # although the probe has just failed

        heard, gate = Heard(), Gate()
        pipe = pipeline(POLICY, listener=heard)
        early = asyncio.create_task(pipe.call(gate))
        await settle()
        for _ in range(2):
            await pipe.call(Callee(BUSY))
        await asyncio.sleep(10)
        mine = asyncio.create_task(pipe.call(gate))
        await settle()
        gate.waiting[0].set_result(OK)
        await early
        gate.waiting[1].set_result(BUSY)
        await mine
        assert heard.without_attempts() == [Event.OPEN, Event.HALF_OPEN, Event.OPEN]

    run(main)


def test_cancellation_counts_as_a_failure_and_comes_out_as_an_open_circuit_and_ours_passes_it_through() -> None:
    async def main() -> None:
        circuit = pybreaker.CircuitBreaker(fail_max=2)
        ends: list[object] = []
        for _ in range(2):
            task = asyncio.create_task(naively(circuit, Gate()))
            await settle()
            task.cancel()
            ends += await asyncio.gather(task, return_exceptions=True)
        assert circuit.current_state == pybreaker.STATE_OPEN
        assert [type(end) for end in ends] == [asyncio.CancelledError, pybreaker.CircuitBreakerError]

        pipe = pipeline(POLICY)
        for _ in range(5):
            task = asyncio.create_task(pipe.call(Gate()))
            await settle()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await pipe.call(Callee(OK)) == OK

    run(main)


def test_the_call_that_trips_loses_its_own_failure_and_ours_is_told_it() -> None:
    async def main() -> None:
        circuit = pybreaker.CircuitBreaker(fail_max=1)
        with pytest.raises(pybreaker.CircuitBreakerError):  # and not CalleeFailedError
            await naively(circuit, fail)

        pipe = pipeline(EdgePolicy(breaker=BreakerPolicy(failures=1)))
        assert await pipe.call(Callee(Outcome(500, value=b"why"))) == Outcome(500, value=b"why")

    run(main)


def test_what_is_excluded_counts_as_a_success_and_ours_ignores_it() -> None:
    async def ignored() -> None:
        raise KeyError

    async def main() -> None:
        circuit = pybreaker.CircuitBreaker(fail_max=2, exclude=[KeyError])
        for call in (fail, ignored, fail, ignored, fail, ignored):
            with contextlib.suppress(CalleeFailedError, KeyError):
                await naively(circuit, call)
        assert circuit.current_state == pybreaker.STATE_CLOSED  # three failures with nothing else between them
        half_open = await tripped(reset_timeout=AT_ONCE, exclude=[KeyError])
        with contextlib.suppress(KeyError):
            await naively(half_open, ignored)
        assert half_open.current_state == pybreaker.STATE_CLOSED  # by a probe that never reached the callee

        pipe = pipeline(POLICY)
        for answer in (BUSY, refused(), BUSY):
            await pipe.call(Callee(answer))
        callee = Callee(OK)
        assert (await pipe.call(callee)).attempts == 0  # it is open
        await asyncio.sleep(10)
        await pipe.call(Callee(refused()))
        assert await pipe.call(Callee(BUSY)) == BUSY  # still half-open: this is the probe
        assert (await pipe.call(callee)).attempts == 0
        assert callee.calls == []

    run(main)


def test_a_wall_clock_that_steps_back_keeps_a_circuit_open_and_ours_asks_a_monotonic_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class HourAgo(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) - timedelta(hours=1)

    async def main() -> None:
        circuit = await tripped(reset_timeout=AT_ONCE)
        pipe = pipeline(POLICY)
        for _ in range(2):
            await pipe.call(Callee(BUSY))
        monkeypatch.setattr(pybreaker, "datetime", HourAgo)
        with pytest.raises(pybreaker.CircuitBreakerError, match="still open"):
            await naively(circuit, succeed)
        await asyncio.sleep(10)
        assert await pipe.call(Callee(OK)) == OK

    run(main)


def test_redis_is_asked_on_the_event_loop_and_ours_keeps_its_state_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Redis:
        """A client that notes whether a running loop had to wait for it."""

        def __init__(self) -> None:
            self.blocked: list[str] = []

        def setnx(self, key: str, value: object) -> None:
            self._ask(f"setnx {key}")

        def get(self, key: str) -> bytes:
            self._ask(f"get {key}")
            return b"closed" if key.endswith("state") else b"0"

        def set(self, key: str, value: object) -> None:
            self._ask(f"set {key}")

        def _ask(self, question: str) -> None:
            asyncio.get_running_loop()
            self.blocked.append(question)

    async def main() -> None:
        # the storage itself is pybreaker's own; only the client that it talks to is not there
        monkeypatch.setattr(pybreaker, "HAS_REDIS_SUPPORT", True)
        redis = Redis()
        storage = pybreaker.CircuitRedisStorage(pybreaker.STATE_CLOSED, redis)
        redis.blocked.clear()
        await naively(pybreaker.CircuitBreaker(state_storage=storage), succeed)
        assert len(redis.blocked) >= 2  # round trips, on the loop, for a call that succeeded

        constructed: list[str] = []
        monkeypatch.setattr(pybreaker.CircuitRedisStorage, "__init__", lambda *_, **__: constructed.append("redis"))
        pipe = pipeline(POLICY)
        await pipe.call(Callee(BUSY))
        assert constructed == []

    run(main)


def test_a_retry_around_the_breaker_repeats_its_refusals_and_ours_takes_no_for_an_answer() -> None:
    async def main() -> None:
        circuit, refusals = await tripped(reset_timeout=60), 0
        for _ in range(3):  # what a retry on any Exception comes to
            try:
                await naively(circuit, succeed)
            except Exception as error:
                refusals += isinstance(error, pybreaker.CircuitBreakerError)
        assert refusals == 3

        heard = Heard()
        pipe = pipeline(EdgePolicy(RetryPolicy(2, "5xx"), breaker=BreakerPolicy(1, 60.0)), listener=heard)
        await pipe.call(Callee(BUSY))
        heard.clear()
        assert (await pipe.call(Callee(OK))).attempts == 0
        assert heard == [Event.REJECT]

    run(main)
