"""The requests that are in flight, each in a greenlet of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent  # type: ignore[import-untyped] # gevent ships no types
from gevent.event import Event  # type: ignore[import-untyped] # gevent ships no types

KILL_S = 1.0


class InFlight:
    """At most `capacity` at a time, which the caller looks after by `full`.

    gevent's own Pool does the same for a tenth of what a request costs: it links every greenlet, and tells each link.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._running: set[Any] = set()
        self._empty: Any = Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._running)

    @property
    def full(self) -> bool:
        """Whether there is no room for another."""
        return len(self._running) >= self._capacity

    def spawn(self, send: Callable[..., None], *arguments: object) -> None:
        """Send in a greenlet that starts as soon as this one waits for something."""
        if not self._running:
            self._empty.clear()
        self._running.add(gevent.spawn_raw(self._run, send, arguments))

    def join(self, timeout: float) -> bool:
        """Wait until none is left; False when the time, in seconds, passed first."""
        return bool(self._empty.wait(timeout))

    def kill(self) -> None:
        """Give up those that are left."""
        for each in tuple(self._running):
            gevent.kill(each)
        self.join(KILL_S)

    def _run(self, send: Callable[..., None], arguments: tuple[object, ...]) -> None:
        try:
            send(*arguments)
        finally:
            self._running.discard(gevent.getcurrent())
            if not self._running:
                self._empty.set()
