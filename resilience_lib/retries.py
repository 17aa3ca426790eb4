"""Retries without tenacity: the same promises as `retry`, at a fraction of the cost, and with a budget."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Protocol

from resilience_lib.conditions import retry_condition
from resilience_lib.events import Event, Listener
from resilience_lib.layer import Call, Clock, Layer, Sleep, T
from resilience_lib.order import Place, check_order
from resilience_lib.outcome import Flag, Outcome, call_timed_out
from resilience_lib.policies import RetryPolicy
from resilience_lib.retry_after import asked_for


class Permits(Protocol):
    """What bounds the retries that are under way at once, their pauses included."""

    def take(self) -> bool:
        """Take a permit if there is one; say whether there was."""

    def give_back(self) -> None:
        """Return a permit that was taken."""


class Retries:
    """Tries again as RetryPolicy says, after a pause with full jitter, while there are permits."""

    place: ClassVar[Place] = Place.RETRY

    def __init__(
        self,
        inner: Layer,
        policy: RetryPolicy,
        permits: Permits,
        *,
        rng: Random,
        clock: Clock,
        sleep: Sleep,
        listener: Listener | None,
    ) -> None:
        check_order(self.place, inner.place)
        self._inner = inner
        self._policy = policy
        self._condition = retry_condition(policy.retry_on)
        self._permits = permits
        self._rng = rng
        self._clock = clock
        self._sleep = sleep
        self._listener = listener

    async def call(self, call: Call[T]) -> Outcome[T]:
        """Try until the condition no longer holds.

        A callee that asks to be left alone for longer than it may be is not called again; its answer is kept as it is.
        When no retry is left the outcome has flag URX; when no permit is left it has flag UO, as in Envoy, which asks
        for a permit anew before each retry: a budget may have shrunk meanwhile.
        """
        outcome = await self._inner.call(call)
        left, ceiling = self._policy.attempts, self._policy.backoff_s
        while self._condition(outcome):
            if left == 0:
                return outcome._replace(flag=Flag.RETRIES_USED_UP)
            asked = self._asked(call, outcome)
            if asked is None:
                return outcome
            if not self._permits.take():
                self._tell(Event.REJECT)
                return outcome._replace(flag=Flag.OVERFLOW)
            try:
                outcome = await self._retry(call, asked + self._rng.random() * ceiling)
            finally:
                self._permits.give_back()
            left -= 1
            ceiling = min(2 * ceiling, self._policy.max_backoff_s)
        return outcome

    def _asked(self, call: Call[T], outcome: Outcome[T]) -> float | None:
        left = None if call.deadline is None else call.deadline - self._clock()
        return asked_for(outcome, self._policy.retry_after_s, left)

    async def _retry(self, call: Call[T], pause: float) -> Outcome[T]:
        """Pause and try once more, unless the deadline comes first."""
        if call.deadline is None:
            await self._sleep(pause)
        else:
            await self._sleep(max(0.0, min(pause, call.deadline - self._clock())))
            if self._clock() >= call.deadline:
                self._tell(Event.TIMEOUT)
                return call_timed_out(during_try=False)
        self._tell(Event.RETRY)
        return await self._inner.call(call)

    def _tell(self, event: Event) -> None:
        if self._listener is not None:
            self._listener(event)
