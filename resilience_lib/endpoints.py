"""The replicas of one dependency: who they are, which of them may be called, and which one is next."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from random import Random

from resilience_lib.balancers import balancer
from resilience_lib.endpoint import Address, Endpoint
from resilience_lib.endpoint_policies import BalancerPolicy, OutlierPolicy
from resilience_lib.events import Listener
from resilience_lib.layer import Clock
from resilience_lib.outcome import Outcome
from resilience_lib.outlier import OutlierDetector

RESELECTIONS = 5
"""How often a try that got a replica which its call has tried asks again: host_selection_retry_max_attempts, as istiod
sets it. After that it takes what it got: all may have been tried, and one more try there beats none."""


class EndpointSet:
    """Replicas in the order in which they were named, a balancer, and outlier detection if there is a policy for it."""

    def __init__(
        self,
        addresses: Iterable[Address],
        policy: BalancerPolicy | None = None,
        outlier: OutlierPolicy | None = None,
        *,
        clock: Clock = time.monotonic,
        rng: Random | None = None,
        listener: Listener | None = None,
    ) -> None:
        """Begin with nobody ejected. `rng` = None: seeded by the system."""
        policy = policy or BalancerPolicy()
        rng = rng or Random()
        # as in Envoy, turns taken among all in a panic are no turns taken among the healthy
        self._among_healthy, self._among_all = balancer(policy, rng), balancer(policy, rng)
        self._balancer = self._among_healthy
        self._avoids_tried = policy.avoids_tried
        self._clock = clock
        self._detector = OutlierDetector(outlier, clock=clock, listener=listener) if outlier else None
        self._panic_below = outlier.min_health_percent if outlier else 0.0
        self._all: list[Endpoint] = []
        self._usable: list[Endpoint] = []
        self.active = 0
        """How many tries are under way or waiting for a slot, at all replicas together."""
        self.update(addresses)

    def update(self, addresses: Iterable[Address]) -> None:
        """Take note of who the replicas are now; one that stays keeps its state, one that goes is forgotten."""
        known = {endpoint.address: endpoint for endpoint in self._all}
        self._sweep()
        self._all = [known.get(address) or Endpoint(address) for address in dict.fromkeys(addresses)]
        self._choose_usable()

    @property
    def addresses(self) -> list[Address]:
        """Every replica."""
        return [endpoint.address for endpoint in self._all]

    @property
    def ejected(self) -> list[Address]:
        """The replicas that are ejected now."""
        self._sweep()
        return [endpoint.address for endpoint in self._all if endpoint.ejected_at is not None]

    def pick(self, tried: Collection[Endpoint] = (), key: str | None = None) -> Endpoint | None:
        """Return the replica for a try of a call that has `tried` some already; None when there is none to be called.

        `key` is what RING_HASH hashes.
        """
        self._sweep()
        if not self._usable:
            return None
        chosen = self._balancer.choose(self._usable, 0, key)
        if tried and self._avoids_tried:
            attempt = 1
            while chosen in tried and attempt <= RESELECTIONS:
                chosen = self._balancer.choose(self._usable, attempt, key)
                attempt += 1
        return chosen

    def begin(self, endpoint: Endpoint) -> None:
        """Count a try as under way."""
        endpoint.active += 1
        self.active += 1

    def end(self, endpoint: Endpoint) -> None:
        """Count a try as over."""
        endpoint.active -= 1
        self.active -= 1

    def report(self, endpoint: Endpoint, outcome: Outcome[object]) -> None:
        """Tell outlier detection how a try ended; one of a replica that has gone since tells nothing."""
        if self._detector is None:
            return
        self._sweep()
        if self._detector.report(endpoint, outcome, self._all):
            self._choose_usable()

    def _sweep(self) -> None:
        detector = self._detector
        if detector is not None and self._clock() >= detector.next_sweep and detector.sweep(self._all):
            self._choose_usable()

    def _choose_usable(self) -> None:
        healthy = [endpoint for endpoint in self._all if endpoint.ejected_at is None]
        panic = bool(self._all) and 100 * len(healthy) / len(self._all) < self._panic_below
        self._usable, self._balancer = (self._all, self._among_all) if panic else (healthy, self._among_healthy)
