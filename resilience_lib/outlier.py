"""Which replicas are not to be called for a while: Envoy's outlier detection by consecutive failures.

Facts are from Envoy's source/common/upstream/outlier_detection_impl.cc (1.40).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from resilience_lib.conditions import LOST
from resilience_lib.endpoint import Endpoint
from resilience_lib.endpoint_policies import OutlierPolicy
from resilience_lib.events import Event, Listener
from resilience_lib.layer import Clock
from resilience_lib.outcome import Flag, Outcome

GATEWAY_ERRORS = (502, 503, 504)
LONGEST_EJECTION_S = 300.0
"""Envoy's max_ejection_time, which Istio cannot set; a longer base time stands above it."""
ROUNDING = 1e-9
"""Of an interval: what sums of floats may be off by, so that a time which ends with a sweep ends with that one."""


class OutlierDetector:
    """Counts failures of each replica, ejects, and lets back in.

    Sweeps happen at whole intervals after the start. Nothing runs in the background: `sweep` makes up for those that
    have passed, and since replicas change only by reports and sweeps, the state is what a timer would have left.
    """

    def __init__(self, policy: OutlierPolicy, *, clock: Clock, listener: Listener | None) -> None:
        self._policy = policy
        self._clock = clock
        self._listener = listener
        self._longest_s = max(LONGEST_EJECTION_S, policy.base_ejection_s)
        self._started = clock()
        self._swept = 0
        """How many sweeps have been made."""
        self.next_sweep = self._started + policy.interval_s

    def report(self, endpoint: Endpoint, outcome: Outcome[object], endpoints: Sequence[Endpoint]) -> bool:
        """Count how a try of `endpoint`, one of `endpoints`, ended; say whether that ejected it."""
        if outcome.attempts == 0:
            return False
        policy = self._policy
        if policy.consecutive_local_origin_failures:
            if outcome.flag is not Flag.CONNECT_FAILURE:
                endpoint.local_failures = 0  # there was a connection, whatever became of it
            if outcome.flag in LOST:
                endpoint.local_failures += 1
                return self._judge(endpoint, "local_failures", policy.consecutive_local_origin_failures, endpoints)
        if outcome.status < 500:
            endpoint.consecutive_5xx = endpoint.gateway_errors = 0
            return False
        ejected = False
        if outcome.status in GATEWAY_ERRORS:
            endpoint.gateway_errors += 1
            ejected = self._judge(endpoint, "gateway_errors", policy.consecutive_gateway_errors, endpoints)
        else:
            endpoint.gateway_errors = 0
        endpoint.consecutive_5xx += 1
        return self._judge(endpoint, "consecutive_5xx", policy.consecutive_5xx, endpoints) or ejected

    def sweep(self, endpoints: Sequence[Endpoint]) -> bool:
        """Make the sweeps that have come due; say whether a replica came back into use."""
        interval = self._policy.interval_s
        due = math.floor((self._clock() - self._started) / interval + ROUNDING)
        returned = False
        for endpoint in endpoints:
            idle_from = self._swept
            if endpoint.ejected_at is not None:
                over = endpoint.ejected_at + min(self._policy.base_ejection_s * endpoint.ejections, self._longest_s)
                idle_from = max(self._swept + 1, math.ceil((over - self._started) / interval - ROUNDING))
                if idle_from > due:
                    continue
                self._return(endpoint)
                returned = True
            endpoint.ejections = max(0, endpoint.ejections - (due - idle_from))
        self._swept = due
        self.next_sweep = self._started + (due + 1) * interval
        return returned

    def _judge(self, endpoint: Endpoint, counter: str, threshold: int, endpoints: Sequence[Endpoint]) -> bool:
        # equal, not beyond: late failures of a replica that is ejected count on, and must not eject it a second time
        if getattr(endpoint, counter) != threshold or endpoint.ejected_at is not None:
            return False
        setattr(endpoint, counter, 0)
        if endpoint not in endpoints:  # it has gone since its try began
            return False
        ejected = sum(each.ejected_at is not None for each in endpoints)
        if 100 * (ejected + 1) / len(endpoints) > self._policy.max_ejection_percent:
            return False
        endpoint.ejected_at = self._clock()
        if endpoint.ejections * self._policy.base_ejection_s < self._longest_s + self._policy.base_ejection_s:
            endpoint.ejections += 1
        if self._listener is not None:
            self._listener(Event.EJECTION)
        return True

    def _return(self, endpoint: Endpoint) -> None:
        endpoint.ejected_at = None
        endpoint.forget()
        if self._listener is not None:
            self._listener(Event.UNEJECTION)
