"""A second try beside one that takes long: whichever answers first is taken."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from resilience_lib.budget import RetryBudget
from resilience_lib.events import Event, Listener
from resilience_lib.layer import Call, Layer, T
from resilience_lib.order import Place, check_order
from resilience_lib.outcome import Outcome, Verdict
from resilience_lib.strengths import HedgePolicy


class Hedge:
    """Sends a try once more when it has no answer after `delay_s`, and takes the first that is no failure.

    The other one is cancelled, which tells nothing about its callee. A try that fails before its time is not hedged:
    that is what retries are for. At most `percent` of the tries under way are hedged at once, and `minimum` in any
    case: when everything is slow, a second try for everyone would make it slower still.
    (Dean and Barroso, "The Tail at Scale", CACM 56(2), 2013: hedged requests.)
    """

    place: ClassVar[Place] = Place.HEDGE

    def __init__(self, inner: Layer, policy: HedgePolicy, *, listener: Listener | None) -> None:
        check_order(self.place, inner.place)
        self._inner = inner
        self._delay_s = policy.delay_s
        self._active = 0
        # the try that asks is under way itself, and the budget counts it apart from the others
        self._budget = RetryBudget(policy.percent, policy.minimum, lambda: self._active - 1)
        self._listener = listener

    async def call(self, call: Call[T]) -> Outcome[T]:
        """Make the try, and perhaps another one. When this ends, however it ends, neither is left running."""
        self._active += 1
        first = asyncio.ensure_future(self._inner.call(call))
        try:
            await asyncio.wait([first], timeout=self._delay_s)
            if first.done() or not self._budget.take():
                return await first
            try:
                return await self._hedged(call, first)
            finally:
                self._budget.give_back()
        finally:
            self._active -= 1
            await _end(first)

    async def _hedged(self, call: Call[T], first: asyncio.Future[Outcome[T]]) -> Outcome[T]:
        if self._listener is not None:
            self._listener(Event.HEDGE)
        beside = call.beside()
        second = asyncio.ensure_future(self._inner.call(beside))
        try:
            done, others = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
            ended = [one.result() for one in (first, second) if one in done]
            outcome = next((one for one in ended if one.verdict is Verdict.SUCCESS), ended[0])
            if others and outcome.verdict is not Verdict.SUCCESS:
                outcome = await others.pop()
            return outcome
        finally:
            await _end(second)
            call.attempts += beside.attempts


async def _end(task: asyncio.Future[Outcome[T]]) -> None:
    """Cancel a try that nobody waits for any more, and see it end."""
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # it has been seen: else asyncio would complain of one that nobody asked for
