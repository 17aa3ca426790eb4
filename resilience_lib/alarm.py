"""Time limits for many tasks at once, at a fraction of what a timer for each of them costs.

Nearly every limit is lifted long before it is reached, so to arm a timer for it and to disarm it again is work for
nothing: with `asyncio.timeout` it is half the cost of a successful call under all policies (`goaround perf policies`).
Here the limits of one pipeline stand in a queue, soonest first, and one timer runs for the first of them. Whoever is
done in time takes its limit down without touching the timer; when that fires and finds the limit gone, it is set for
the next one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any


class Limit:
    """One task's time limit, at `when` on the loop's clock. `expired`: the task was cancelled for it."""

    __slots__ = ("_cancelling", "expired", "task", "timer", "when")

    def __init__(self, task: asyncio.Task[Any], when: float) -> None:
        self.task: asyncio.Task[Any] | None = task
        """Who is limited; None once the limit is lifted."""
        self.when = when
        self.timer: asyncio.TimerHandle | None = None
        self.expired = False
        self._cancelling = task.cancelling()

    def expire(self) -> None:
        """Interrupt the task, if it is still at it."""
        if self.task is not None:
            self.expired = True
            self.task.cancel()

    def take_back(self) -> bool:
        """Take the request to cancel back; say whether nobody else wants the task to end, as asyncio.timeout does."""
        assert self.task is not None  # noqa: S101 - it has expired, and is not lifted yet
        return self.task.uncancel() <= self._cancelling


class Alarm:
    """The limits of tasks that have about the same time each, on one event loop at a time."""

    def __init__(self) -> None:
        self._limits: deque[Limit] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> Limit:
        """Put up a limit for the running task, from now on. `lift` must follow, however the task's work ends."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # the one before it is over, and its timer with it
            self._loop, self._timer = loop, None
            self._limits.clear()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - who awaits a call is in a task
        limit = Limit(task, loop.time() + seconds)
        limits = self._limits
        if limits and limit.when < limits[-1].when:
            # less time than the one before it: what is left of a deadline may be little. It has a timer of its own.
            limit.timer = loop.call_at(limit.when, limit.expire)
            return limit
        if self._timer is None:
            self._arm(loop, limit.when)
        elif not limits and limit.when < self._timer.when():  # it runs for one that was lifted since, and had longer
            self._timer.cancel()
            self._arm(loop, limit.when)
        limits.append(limit)
        return limit

    def lift(self, limit: Limit) -> None:
        """Take a limit down."""
        limit.task = None
        if limit.timer is not None:
            limit.timer.cancel()
        limits = self._limits
        while limits and limits[0].task is None:
            limits.popleft()

    def _arm(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        self._timer = loop.call_at(when, self._ring, loop, when)

    def _ring(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        """Interrupt whoever is due, and wake again for the next. `when`: some loops call a little early."""
        if loop is not self._loop:
            return
        self._timer = None
        due, limits = max(when, loop.time()), self._limits
        while limits and (limits[0].task is None or limits[0].when <= due):
            limits.popleft().expire()
        if limits:
            self._arm(loop, limits[0].when)
