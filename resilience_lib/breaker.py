"""A circuit breaker for one dependency: pybreaker's counter and states, with what asyncio needs around them.

pybreaker runs a call inside itself, which under asyncio counts every coroutine as a success, lets any number of calls
through while half-open, and takes a late answer or a cancelled caller for news. So here a call is admitted first,
awaited outside pybreaker, and its outcome reported afterwards through a synchronous `CircuitBreaker.call`.
"""

from __future__ import annotations

import contextlib
from typing import ClassVar

import pybreaker

from resilience_lib.events import Event, Listener
from resilience_lib.layer import Call, Clock, Layer, T
from resilience_lib.order import Place, check_order
from resilience_lib.outcome import Outcome, Verdict, refused

EVENTS = {
    pybreaker.STATE_OPEN: Event.OPEN,
    pybreaker.STATE_HALF_OPEN: Event.HALF_OPEN,
    pybreaker.STATE_CLOSED: Event.CLOSE,
}


class Breaker:
    """Opens after `failures` failures in a row, refuses calls for `reset_s` seconds, then lets one probe through.

    A success of the probe closes the circuit, a failure opens it for another `reset_s`. Refused calls get 503 UO.
    """

    place: ClassVar[Place] = Place.ADMISSION

    def __init__(self, inner: Layer, failures: int, reset_s: float, *, clock: Clock, listener: Listener | None) -> None:
        check_order(self.place, inner.place)
        self._inner = inner
        self._reset_s = reset_s
        self._clock = clock
        self._listener = listener
        self._changes = _Changes(clock, listener)
        self._circuit = pybreaker.CircuitBreaker(
            fail_max=failures,
            reset_timeout=reset_s,
            listeners=[self._changes],
            # else the call that trips the circuit would be told "open" in place of its own failure
            throw_new_error_on_trip=False,
        )
        self._probing = False

    async def call(self, call: Call[T]) -> Outcome[T]:
        """Pass the call on if the circuit admits it, and tell the circuit how it ended.

        A cancelled call is not reported: its caller gave up, which says nothing about the callee. The probe's place is
        free again however the probe ends.
        """
        if not self._admits():
            if self._listener is not None:
                self._listener(Event.REJECT)
            return refused()
        generation = self._changes.count
        probe = self._circuit.current_state == pybreaker.STATE_HALF_OPEN
        if probe:
            self._probing = True
        try:
            outcome = await self._inner.call(call)
            if generation == self._changes.count:
                self._report(outcome.verdict)
            # else the circuit has changed its state since: what this call saw is of an earlier time
            return outcome
        finally:
            if probe:
                self._probing = False

    def _admits(self) -> bool:
        state = self._circuit.current_state
        if state == pybreaker.STATE_CLOSED:
            return True
        if state == pybreaker.STATE_OPEN:
            # pybreaker would ask the wall clock, which steps; the circuit is half-opened from here, on our own
            if self._clock() - self._changes.opened_at < self._reset_s:
                return False
            self._circuit.half_open()
        return not self._probing

    def _report(self, verdict: Verdict) -> None:
        if verdict is Verdict.FAILURE:
            with contextlib.suppress(_CalleeFailedError):
                self._circuit.call(_fail)
        elif verdict is Verdict.SUCCESS and not self._nothing_to_forget():
            self._circuit.call(_succeed)

    def _nothing_to_forget(self) -> bool:
        """Say whether a success would change nothing: pybreaker would set a counter to 0 that is 0."""
        return self._circuit.current_state == pybreaker.STATE_CLOSED and self._circuit.fail_counter == 0


class _Changes(pybreaker.CircuitBreakerListener):
    """Counts the changes of state (the generation), and remembers when the circuit last opened, on our clock."""

    def __init__(self, clock: Clock, listener: Listener | None) -> None:
        self._clock = clock
        self._listener = listener
        self.count = 0
        self.opened_at = 0.0

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        self.count += 1
        if new_state.name == pybreaker.STATE_OPEN:
            self.opened_at = self._clock()
        if self._listener is not None:
            self._listener(EVENTS[new_state.name])


class _CalleeFailedError(Exception):
    """How a failed outcome is told to pybreaker, which counts exceptions."""


def _fail() -> None:
    raise _CalleeFailedError


def _succeed() -> None:
    return None
