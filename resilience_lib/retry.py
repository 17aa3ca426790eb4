"""Retries, by tenacity: how often, on what, and after how long a pause."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import ClassVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt, wait_exponential

from resilience_lib.conditions import Condition
from resilience_lib.events import Event, Listener
from resilience_lib.layer import Call, Clock, Layer, Sleep, T
from resilience_lib.limits import RetryPermits
from resilience_lib.order import Place, check_order
from resilience_lib.outcome import Flag, Outcome, call_timed_out
from resilience_lib.retry_after import asked_for

Wait = Callable[[RetryCallState], float]


def full_jitter(backoff_s: float, max_backoff_s: float, rng: Random) -> Wait:
    """Return Envoy's back-off: before retry n (from 1), uniform in [0, min(backoff_s * 2^(n-1), max_backoff_s)), in s.

    The bounds are tenacity's wait_exponential; its own jittered wait draws from the interpreter's shared randomness,
    which cannot be seeded for one pipeline.
    """
    ceiling = wait_exponential(multiplier=backoff_s, max=max_backoff_s)
    return lambda state: rng.random() * ceiling(state)


class Retry:
    """Tries again, at most `attempts` times more, while `condition` holds for the outcome."""

    place: ClassVar[Place] = Place.RETRY

    def __init__(
        self,
        inner: Layer,
        attempts: int,
        condition: Condition,
        wait: Wait,
        permits: RetryPermits,
        *,
        retry_after_s: float | None = None,
        clock: Clock,
        sleep: Sleep,
        listener: Listener | None,
    ) -> None:
        check_order(self.place, inner.place)
        self._inner = inner
        self._attempts = attempts
        self._condition = condition
        self._wait = wait
        self._permits = permits
        self._retry_after_s = retry_after_s
        self._clock = clock
        self._sleep = sleep
        self._listener = listener

    async def call(self, call: Call[T]) -> Outcome[T]:
        """Make the first try bare, since nearly every call ends there; bring in tenacity only if it is to be repeated.

        Where no permit for a retry is left, the answer at hand is kept, with flag UO, as Envoy does.
        """
        first = await self._inner.call(call)
        if not self._wanted(call, first):
            return first
        if not self._permits.take():
            self._tell(Event.REJECT)
            return first._replace(flag=Flag.OVERFLOW)
        try:
            return await self._again(call, first)
        finally:
            self._permits.give_back()

    async def _again(self, call: Call[T], first: Outcome[T]) -> Outcome[T]:
        held: Outcome[T] | None = first

        def wait(state: RetryCallState) -> float:
            asked = self._asked(call, state.outcome.result()) if state.outcome else None
            return self._wait(state) + (asked or 0.0)

        async def attempt() -> Outcome[T]:
            nonlocal held
            if held is not None:  # tenacity's first attempt is the one already made
                outcome, held = held, None
                return outcome
            if call.deadline is not None and self._clock() >= call.deadline:
                self._tell(Event.TIMEOUT)
                return call_timed_out(during_try=False)
            self._tell(Event.RETRY)
            return await self._inner.call(call)

        async def pause(seconds: float) -> None:
            left = seconds if call.deadline is None else call.deadline - self._clock()
            await self._sleep(max(0.0, min(seconds, left)))

        # one for each call: an AsyncRetrying that is shared mixes up the state of the tasks that share it
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._attempts + 1),
            retry=retry_if_result(partial(self._wanted, call)),
            wait=wait,
            sleep=pause,
            retry_error_callback=_used_up,
        )
        return await retrying(attempt)

    def _wanted(self, call: Call[T], outcome: Outcome[T]) -> bool:
        """Say whether another try is wanted, unless the callee asks to be left alone for longer than it may be."""
        return self._condition(outcome) and self._asked(call, outcome) is not None

    def _asked(self, call: Call[T], outcome: Outcome[T]) -> float | None:
        left = None if call.deadline is None else call.deadline - self._clock()
        return asked_for(outcome, self._retry_after_s, left)

    def _tell(self, event: Event) -> None:
        if self._listener is not None:
            self._listener(event)


def _used_up(state: RetryCallState) -> Outcome[object]:
    """Return the last outcome, marked: it is tenacity's result once no attempt is left."""
    assert state.outcome is not None  # noqa: S101 - tenacity sets it before it asks whether to stop
    last: Outcome[object] = state.outcome.result()
    return last._replace(flag=Flag.RETRIES_USED_UP)
