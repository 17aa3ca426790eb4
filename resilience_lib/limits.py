"""How many calls may be under way at once, how many may wait for their turn, and how many may be retried."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from resilience_lib.events import Event, Listener
from resilience_lib.layer import Call, Clock, Layer, T
from resilience_lib.order import Place, check_order
from resilience_lib.outcome import Outcome, call_timed_out, refused


class ConnectionLimit:
    """Lets `connections` tries run at once and `pending` more wait in turn; refuses the rest with 503 UO.

    On HTTP/1.1 a try holds a connection, so this is Envoy's max_connections and max_pending_requests. aiohttp's own
    pool is bounded too, but its queue is not: under overload it only moves the waiting out of sight.
    None for `pending` = any number may wait.
    """

    place: ClassVar[Place] = Place.LIMITS

    def __init__(
        self, inner: Layer, connections: int, pending: int | None, *, clock: Clock, listener: Listener | None
    ) -> None:
        check_order(self.place, inner.place)
        self._inner = inner
        self._slots = asyncio.Semaphore(connections)
        self._pending = pending
        self._waiting = 0
        self._clock = clock
        self._listener = listener

    async def call(self, call: Call[T]) -> Outcome[T]:
        """Pass the call on as soon as a slot is free; the slot is given back however the try ends."""
        if self._slots.locked():
            if self._pending is not None and self._waiting >= self._pending:
                return self._tell(Event.REJECT, refused())
            try:
                await self._wait(call)
            except TimeoutError:
                return self._tell(Event.TIMEOUT, call_timed_out(during_try=False))
        else:
            await self._slots.acquire()
        try:
            return await self._inner.call(call)
        finally:
            self._slots.release()

    async def _wait(self, call: Call[T]) -> None:
        left = None if call.deadline is None else call.deadline - self._clock()
        self._waiting += 1
        try:
            async with asyncio.timeout(left):
                await self._slots.acquire()
        finally:
            self._waiting -= 1

    def _tell(self, event: Event, outcome: Outcome[T]) -> Outcome[T]:
        if self._listener is not None:
            self._listener(event)
        return outcome


class RetryPermits:
    """Bounds how many calls are being retried at once, their back-off included: Envoy's max_retries.

    `limit` None = unlimited.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._taken = 0

    def take(self) -> bool:
        """Take a permit if there is one; say whether there was."""
        if self._limit is not None and self._taken >= self._limit:
            return False
        self._taken += 1
        return True

    def give_back(self) -> None:
        """Return a permit that was taken."""
        self._taken -= 1
