"""The policies of one dependency, put together in the one order that is right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from random import Random

from resilience_lib.breaker import Breaker
from resilience_lib.conditions import retry_condition
from resilience_lib.deadline import earlier
from resilience_lib.events import Listener
from resilience_lib.fallback import Fallback
from resilience_lib.hedge import Hedge
from resilience_lib.layer import Call, Clock, Layer, Sleep, T, Transport
from resilience_lib.limits import ConnectionLimit, RetryPermits
from resilience_lib.outcome import Outcome
from resilience_lib.policies import EdgePolicy, TimeoutPolicy
from resilience_lib.retry import Retry, full_jitter
from resilience_lib.timeout import TimeLimit


class Pipeline:
    """Makes calls to one dependency under an EdgePolicy. Holds the dependency's state (breaker, slots, permits).

    The order, from the outside in, and why each layer is where it is:

    1. overall timeout: what the caller was promised; everything below takes place within it;
    2. fallback: an old answer is for a call that has failed for good, and no layer may take it for news;
    3. retry: each try must pass the breaker anew, and count there by itself;
    4. hedge: a second try beside the first, which is admitted and counted by itself too;
    5. breaker: outside the limits, so that an open circuit costs no slot and no wait in the queue;
    6. limits: outside the per-try timeout, so that waiting for a slot is not held against the callee;
    7. per-try timeout: times the callee alone, and its 504 is an outcome that the layers outside can judge;
    8. transport: one try.

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
        timeout = timeout or TimeoutPolicy()
        layer: Layer = TimeLimit(timeout.per_try_s, propagate=timeout.propagate, clock=clock, listener=listener)
        if limits and limits.connections is not None:
            layer = ConnectionLimit(layer, limits.connections, limits.pending, clock=clock, listener=listener)
        if breaker:
            layer = Breaker(layer, breaker.failures, breaker.reset_s, clock=clock, listener=listener)
        if policy.hedge:
            layer = Hedge(layer, policy.hedge, listener=listener)
        if retry:
            layer = Retry(
                layer,
                retry.attempts,
                retry_condition(retry.retry_on),
                full_jitter(retry.backoff_s, retry.max_backoff_s, rng or Random()),
                RetryPermits(limits.retries if limits else None),
                retry_after_s=retry.retry_after_s,
                clock=clock,
                sleep=sleep,
                listener=listener,
            )
        if policy.fallback:
            layer = Fallback(layer, policy.fallback, clock=clock, listener=listener)
        self.policy = policy
        self._outermost = layer
        self._overall_s = timeout.overall_s
        self._propagate = timeout.propagate
        self._clock = clock

    async def call(
        self, transport: Transport[T], *, question: Hashable | None = None, deadline: float | None = None
    ) -> Outcome[T]:
        """Make one logical call and return its outcome, with the number of tries that it took.

        question: what is asked, where an old answer to the same would do (FallbackPolicy). deadline: when whoever
        this call is made for stops waiting, on the pipeline's clock; kept to if TimeoutPolicy.propagate says so.
        Raises nothing of its own; cancellation, and what `transport` raises, pass through.
        """
        own = None if self._overall_s is None else self._clock() + self._overall_s
        call = Call(transport, earlier(own, deadline) if self._propagate else own, question)
        outcome = await self._outermost.call(call)
        return outcome if outcome.attempts == call.attempts else outcome._replace(attempts=call.attempts)
