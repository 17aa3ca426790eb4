"""The innermost layer: one try, cut off by its own limit or by the call's deadline, whichever comes first.

`TimeLimit` is what a good team writes; `AlarmedLimit` keeps the same promises at less cost, for the engine.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from resilience_lib import deadline
from resilience_lib.alarm import Alarm
from resilience_lib.events import Event, Listener
from resilience_lib.layer import Call, Clock, T
from resilience_lib.order import Place
from resilience_lib.outcome import Outcome, call_timed_out, try_timed_out


class TimeLimit:
    """Bounds each try by `per_try_s` seconds (None = no limit of its own) and by what the call has left.

    One asyncio.timeout serves both limits: it is the costliest part of a successful call, and the layers outside
    wait for nothing except in the queue and in the back-off, which look at the deadline themselves. What tells the two
    limits apart is that the deadline's outcome is final, while a try that was too slow may be retried.
    """

    place: ClassVar[Place] = Place.TRY

    def __init__(
        self, per_try_s: float | None, *, propagate: bool = False, clock: Clock, listener: Listener | None
    ) -> None:
        self._per_try_s = per_try_s
        self._propagate = propagate
        self._clock = clock
        self._listener = listener

    async def call(self, call: Call[T]) -> Outcome[T]:
        """Make one try. Cancellation by the caller passes through; only the time limit becomes an outcome."""
        limit = self._per_try_s
        by_deadline = False
        if call.deadline is not None:
            left = call.deadline - self._clock()
            if left <= 0:
                return self._timed_out(call_timed_out(during_try=False))
            if limit is None or left <= limit:
                limit, by_deadline = left, True
        call.attempts += 1
        if self._listener is not None:
            self._listener(Event.ATTEMPT)
        if limit is None:
            return await call.transport()
        if self._propagate:
            with deadline.ending(self._clock() + limit, self._clock):
                outcome = await self._within(limit, call)
        else:
            outcome = await self._within(limit, call)
        if outcome is not None:
            return outcome
        return self._timed_out(call_timed_out(during_try=True) if by_deadline else try_timed_out())

    async def _within(self, limit: float, call: Call[T]) -> Outcome[T] | None:
        """Make the try; None if it took longer than `limit` seconds."""
        try:
            async with asyncio.timeout(limit) as scope:
                return await call.transport()
        except TimeoutError:
            if not scope.expired():
                raise
            return None

    def _timed_out(self, outcome: Outcome[T]) -> Outcome[T]:
        if self._listener is not None:
            self._listener(Event.TIMEOUT)
        return outcome


class AlarmedLimit(TimeLimit):
    """The same promises, with an alarm for all tries together in place of a timer for each."""

    def __init__(
        self, per_try_s: float | None, *, propagate: bool = False, clock: Clock, listener: Listener | None
    ) -> None:
        super().__init__(per_try_s, propagate=propagate, clock=clock, listener=listener)
        self._alarm = Alarm()

    async def _within(self, limit: float, call: Call[T]) -> Outcome[T] | None:
        until = self._alarm.set(limit)
        try:
            outcome = await call.transport()
        except asyncio.CancelledError:
            if until.expired and until.take_back():
                return None
            raise
        except BaseException:
            if until.expired:
                until.take_back()
            raise
        else:
            if until.expired:  # the transport held on to its answer
                until.take_back()
            return outcome
        finally:
            self._alarm.lift(until)
