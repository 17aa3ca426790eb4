"""The policies of one dependency whose replicas the client sees, put together in the one order that is right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Iterable
from random import Random

from resilience_lib.budget import RetryBudget
from resilience_lib.deadline import earlier
from resilience_lib.endpoint import Address
from resilience_lib.endpoint_policies import EndpointPolicy
from resilience_lib.endpoints import EndpointSet
from resilience_lib.events import Listener
from resilience_lib.fallback import Fallback
from resilience_lib.hedge import Hedge
from resilience_lib.host_choice import EndpointCall, EndpointTransport, HostChoice
from resilience_lib.layer import Clock, Layer, Sleep, T
from resilience_lib.limits import ConnectionLimit, RetryPermits
from resilience_lib.outcome import Outcome
from resilience_lib.policies import TimeoutPolicy
from resilience_lib.retries import Permits, Retries
from resilience_lib.timeout import AlarmedLimit


class EndpointPipeline:
    """Makes calls to the replicas of one dependency under an EndpointPolicy, as Envoy's router would.

        pipeline = EndpointPipeline(EndpointPolicy(retry=RetryPolicy(2, "5xx"), outlier=OutlierPolicy()), addresses)
        outcome = await pipeline.call(lambda address: one_try_at(address))

    The order is `Pipeline`'s, with a choice of host in the place of the breaker: overall deadline > fallback > retry
    (with its budget or limit) > hedge > host choice (which avoids hosts already tried and hosts ejected) > limits,
    which hold for all hosts together > per-try timeout > transport, which is given the host. A part whose policy is
    None is not there, except the choice of a host. `endpoints` is public: whoever learns of new replicas calls
    `endpoints.update`.
    """

    def __init__(
        self,
        policy: EndpointPolicy,
        addresses: Iterable[Address] = (),
        *,
        listener: Listener | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        rng: Random | None = None,
    ) -> None:
        """Build the layers; `clock` must run at the pace of the event loop's. `rng` = None: seeded by the system."""
        rng = rng or Random()
        timeout, limits = policy.timeout or TimeoutPolicy(), policy.limits
        self.policy = policy
        self.endpoints = EndpointSet(
            addresses, policy.balancer, policy.outlier, clock=clock, rng=rng, listener=listener
        )
        layer: Layer = AlarmedLimit(timeout.per_try_s, propagate=timeout.propagate, clock=clock, listener=listener)
        if limits and limits.connections is not None:
            layer = ConnectionLimit(layer, limits.connections, limits.pending, clock=clock, listener=listener)
        layer = HostChoice(layer, self.endpoints)
        if policy.hedge:
            layer = Hedge(layer, policy.hedge, listener=listener)
        if policy.retry:
            permits = self._permits()
            layer = Retries(layer, policy.retry, permits, rng=rng, clock=clock, sleep=sleep, listener=listener)
        if policy.fallback:
            layer = Fallback(layer, policy.fallback, clock=clock, listener=listener)
        self._outermost = layer
        self._overall_s = timeout.overall_s
        self._propagate = timeout.propagate
        self._clock = clock

    async def call(
        self,
        transport: EndpointTransport[T],
        key: str | None = None,
        *,
        question: Hashable | None = None,
        deadline: float | None = None,
    ) -> Outcome[T]:
        """Make one logical call and return its outcome, with the number of tries that it took.

        `key` is what RING_HASH hashes; `question` and `deadline` are as in `Pipeline.call`. Raises nothing of its own;
        cancellation, and what `transport` raises, pass through.
        """
        own = None if self._overall_s is None else self._clock() + self._overall_s
        call = EndpointCall(transport, earlier(own, deadline) if self._propagate else own, key, question)
        outcome = await self._outermost.call(call)
        return outcome if outcome.attempts == call.attempts else outcome._replace(attempts=call.attempts)

    def _permits(self) -> Permits:
        budget, limits = self.policy.budget, self.policy.limits
        if budget is not None:  # in Envoy too a budget stands in for the number, even if both are given
            return RetryBudget(budget.percent, budget.minimum, lambda: self.endpoints.active)
        return RetryPermits(limits.retries if limits else None)
