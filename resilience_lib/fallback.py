"""The outermost layer: what was last known, where nothing better is to be had."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, ClassVar

from resilience_lib.events import Event, Listener
from resilience_lib.layer import Call, Clock, Layer, T
from resilience_lib.order import Place, check_order
from resilience_lib.outcome import Flag, Outcome
from resilience_lib.strengths import FallbackPolicy


class Fallback:
    """Answers a question whose call failed with the last good answer to it, if that is not too old.

    Such an answer has flag FB, which no sidecar has, and tells its age: it is never a success, because nobody knows
    whether it is still true. Calls without a question are passed through: what changes something at the callee has
    not happened, and no old answer makes up for that.
    """

    place: ClassVar[Place] = Place.FALLBACK

    def __init__(self, inner: Layer, policy: FallbackPolicy, *, clock: Clock, listener: Listener | None) -> None:
        check_order(self.place, inner.place)
        self._inner = inner
        self._policy = policy
        self._clock = clock
        self._listener = listener
        self._known: OrderedDict[Hashable, tuple[float, Outcome[Any]]] = OrderedDict()

    async def call(self, call: Call[T]) -> Outcome[T]:
        """Pass the call on; remember a 2xx, and answer a 5xx, whoever chose it, with what is remembered."""
        outcome = await self._inner.call(call)
        if call.question is None:
            return outcome
        if 200 <= outcome.status < 300:
            self._remember(call.question, outcome)
        elif outcome.status >= 500:
            known = self._known.get(call.question)
            if known is not None:
                at, answer = known
                age_s = self._clock() - at
                if age_s <= self._policy.max_age_s:
                    if self._listener is not None:
                        self._listener(Event.FALLBACK)
                    return answer._replace(flag=Flag.FALLBACK, age_s=age_s)
        return outcome

    def _remember(self, question: Hashable, outcome: Outcome[Any]) -> None:
        self._known[question] = self._clock(), outcome
        self._known.move_to_end(question)
        if len(self._known) > self._policy.entries:
            self._known.popitem(last=False)
