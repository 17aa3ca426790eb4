"""The policies of one dependency, put together in the one order that is right."""

from __future__ import annotations

import asyncio
import time
from random import Random

from resilience_lib.breaker import Breaker
from resilience_lib.conditions import retry_condition
from resilience_lib.events import Listener
from resilience_lib.layer import Call, Clock, Layer, Sleep, T, Transport
from resilience_lib.limits import ConnectionLimit, RetryPermits
from resilience_lib.outcome import Outcome
from resilience_lib.policies import EdgePolicy
from resilience_lib.retry import Retry, full_jitter
from resilience_lib.timeout import TimeLimit


class Pipeline:
    """Makes calls to one dependency under an EdgePolicy. Holds the dependency's state (breaker, slots, permits).

    The order, from the outside in, and why each layer is where it is:

    1. overall timeout: what the caller was promised; everything below takes place within it;
    2. retry: each try must pass the breaker anew, and count there by itself;
    3. breaker: outside the limits, so that an open circuit costs no slot and no wait in the queue;
    4. limits: outside the per-try timeout, so that waiting for a slot is not held against the callee;
    5. per-try timeout: times the callee alone, and its 504 is an outcome that the layers outside can judge;
    6. transport: one try.

    Envoy's router has the same order (route timeout, retry, host choice with outlier detection, connection pool,
    per-try timeout). A layer whose policy is None is not there.
    """

    def __init__(
        self,
        policy: EdgePolicy,
        *,
        listener: Listener | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        rng: Random | None = None,
    ) -> None:
        """Build the layers.

        `clock` must run at the pace of the event loop's, since asyncio measures what the deadlines leave.
        `rng` draws the back-off; None = a new one, seeded by the system.
        """
        retry, timeout, breaker, limits = policy.retry, policy.timeout, policy.breaker, policy.limits
        layer: Layer = TimeLimit(timeout.per_try_s if timeout else None, clock=clock, listener=listener)
        if limits and limits.connections is not None:
            layer = ConnectionLimit(layer, limits.connections, limits.pending, clock=clock, listener=listener)
        if breaker:
            layer = Breaker(layer, breaker.failures, breaker.reset_s, clock=clock, listener=listener)
        if retry:
            layer = Retry(
                layer,
                retry.attempts,
                retry_condition(retry.retry_on),
                full_jitter(retry.backoff_s, retry.max_backoff_s, rng or Random()),
                RetryPermits(limits.retries if limits else None),
                clock=clock,
                sleep=sleep,
                listener=listener,
            )
        self.policy = policy
        self._outermost = layer
        self._overall_s = timeout.overall_s if timeout else None
        self._clock = clock

    async def call(self, transport: Transport[T]) -> Outcome[T]:
        """Make one logical call and return its outcome, with the number of tries that it took.

        Raises nothing of its own; cancellation, and what `transport` raises, pass through.
        """
        deadline = None if self._overall_s is None else self._clock() + self._overall_s
        call = Call(transport, deadline)
        outcome = await self._outermost.call(call)
        return outcome if outcome.attempts == call.attempts else outcome._replace(attempts=call.attempts)
