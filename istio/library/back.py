"""A client library's policies -> Istio objects, and what of them the mesh does not do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from istio.library.spoken import NotCarried
from istio.objects.document import Document
from istio.objects.duration import LONGEST, go_duration
from istio.objects.parse import Objects, parse
from istio.objects.virtual_service import is_status
from resilience_lib import (
    BalancerPolicy,
    BreakerPolicy,
    BudgetPolicy,
    EdgePolicy,
    EndpointPolicy,
    LimitsPolicy,
    OutlierPolicy,
    RetryPolicy,
    TimeoutPolicy,
)

HASHED_HEADER = "x-hash-key"
"""The header that the mesh hashes where a library's caller gives the key itself."""
_GROWTH = 10  # from Envoy's base_interval to its max_interval, which Istio does not set
_STRENGTHS = {
    "hedge": "Istio sends no second request before the first has failed",
    "fallback": "a sidecar knows no question, and keeps no answer",
}
_SWEEP_S = 10.0  # Envoy's default interval of outlier detection
Data: TypeAlias = dict[str, Any]


def objects_of(
    policies: Mapping[str, EdgePolicy | EndpointPolicy], namespace: str = "airport"
) -> tuple[Objects, list[NotCarried]]:
    """Return a VirtualService for each callee (a short service name), a DestinationRule where there is need of one.

    What comes back from `policies` or `endpoint_policies` for these objects is what was given, but for what is left.
    """
    documents: list[Document] = []
    left: list[NotCarried] = []
    for callee, policy in policies.items():
        one = _Callee(callee)
        meta = {"name": callee, "namespace": namespace}
        route = {**one.route(policy), "route": [{"destination": {"host": callee}}]}
        spec: Data = {"hosts": [callee], "http": [route]}
        kinds = [("VirtualService", spec)]
        traffic = one.traffic(policy)
        one.leave_strengths(policy)
        if traffic:
            kinds.append(("DestinationRule", {"host": callee, "trafficPolicy": traffic}))
        documents += [
            Document({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": meta, "spec": each})
            for kind, each in kinds
        ]
        left += one.left
    return parse(documents), left


class _Callee:
    """Translates one policy, and notes what is left behind."""

    def __init__(self, callee: str) -> None:
        self._callee = callee
        self.left: list[NotCarried] = []

    def leave_strengths(self, policy: EdgePolicy | EndpointPolicy) -> None:
        """Note what of a policy only a client can do."""
        for part, why in _STRENGTHS.items():
            if getattr(policy, part) is not None:
                self._leave(part, why)
        if policy.timeout is not None and policy.timeout.propagate:
            self._leave("timeout.propagate", "a sidecar does not know for which request another one is made")
        if policy.retry is not None and policy.retry.retry_after_s is not None:
            self._leave("retry.retry_after_s", "istiod never writes Envoy's rate_limited_retry_back_off")

    def route(self, policy: EdgePolicy | EndpointPolicy) -> Data:
        """Return timeout and retries of a route."""
        timeout, made = policy.timeout or TimeoutPolicy(), self._retries(policy.retry)
        overall, each = timeout.overall_s, timeout.per_try_s
        if each is not None and policy.retry is not None:
            made["perTryTimeout"] = self._duration("timeout.per_try_s", each)
        elif each is not None:  # the only try is the call
            self._leave("timeout.per_try_s", "Istio has it only beside retries; it bounds the call")
            overall = each if overall is None else min(overall, each)
        bound = {} if overall is None else {"timeout": self._duration("timeout.overall_s", overall)}
        return {**bound, "retries": made}

    def _retries(self, retry: RetryPolicy | None) -> Data:
        if retry is None:
            return {"attempts": 0}
        words = [word.strip() for word in retry.retry_on.split(",")]
        unnamed = [word for word in words if word.isdecimal() and not is_status(word)]
        if unnamed:
            self._leave("retry.retry_on", f"Istio takes no status without a name: {', '.join(unnamed)}")
        kept = ",".join(word for word in words if word not in unnamed)
        # without any condition there is nothing to retry, and Istio would put its own in their place
        if not kept:
            return {"attempts": 0}
        base = self._duration("retry.backoff_s", retry.backoff_s)
        if round(retry.backoff_s * _GROWTH, 6) != retry.max_backoff_s:
            self._leave("retry.max_backoff_s", f"Envoy's back-off grows {_GROWTH}-fold, and Istio does not set it")
        return {"attempts": retry.attempts, "retryOn": kept, "backoff": base}

    def traffic(self, policy: EdgePolicy | EndpointPolicy) -> Data:
        """Return the blocks of a DestinationRule."""
        made: Data = {}
        pool = self._pool(policy.limits)
        if pool:
            made["connectionPool"] = pool
        if isinstance(policy, EdgePolicy):
            if policy.breaker is not None:
                made["outlierDetection"] = self._breaker(policy.breaker)
            return made
        if policy.outlier is not None:
            made["outlierDetection"] = self._outlier(policy.outlier)
        if policy.budget is not None:
            made["retryBudget"] = self._budget(policy.budget)
        if policy.balancer is not None:
            made["loadBalancer"] = self._balancer(policy.balancer)
        return made

    def _pool(self, limits: LimitsPolicy | None) -> Data:
        if limits is None:
            return {}
        made: Data = {}
        for field, block, name in (
            ("connections", "tcp", "maxConnections"),
            ("pending", "http", "http1MaxPendingRequests"),
            ("retries", "http", "maxRetries"),
        ):
            value = getattr(limits, field)
            if value == 0:
                self._leave(f"limits.{field}", "0 stands for no limit in Istio; the least is 1")
            if value is not None:
                made.setdefault(block, {})[name] = value or 1
        return made

    def _breaker(self, breaker: BreakerPolicy) -> Data:
        self._leave("breaker", "a breaker counts all replicas together; Envoy counts, and ejects, each on its own")
        return {
            "consecutive5xxErrors": breaker.failures,
            "baseEjectionTime": self._duration("breaker.reset_s", breaker.reset_s),
            # a return waits for a sweep
            "interval": self._duration("breaker.reset_s", min(_SWEEP_S, breaker.reset_s)),
            # a breaker stops calls to all replicas; at Envoy's 10 % fewer than ten would lose nobody
            "maxEjectionPercent": 100,
        }

    def _outlier(self, outlier: OutlierPolicy) -> Data:
        made: Data = {
            "consecutive5xxErrors": outlier.consecutive_5xx,
            "interval": self._duration("outlier.interval_s", outlier.interval_s),
            "baseEjectionTime": self._duration("outlier.base_ejection_s", outlier.base_ejection_s),
            "maxEjectionPercent": self._percent("outlier.max_ejection_percent", outlier.max_ejection_percent),
            "minHealthPercent": self._percent("outlier.min_health_percent", outlier.min_health_percent),
        }
        if not made["maxEjectionPercent"]:
            self._leave("outlier.max_ejection_percent", "0 stands for 10 in Istio; 1 ejects nobody out of 99")
            made["maxEjectionPercent"] = 1
        if outlier.consecutive_gateway_errors:
            made["consecutiveGatewayErrors"] = outlier.consecutive_gateway_errors
        if outlier.consecutive_local_origin_failures:
            made["splitExternalLocalOriginErrors"] = True
            made["consecutiveLocalOriginFailures"] = outlier.consecutive_local_origin_failures
        return made

    def _budget(self, budget: BudgetPolicy) -> Data:
        if not budget.minimum:
            self._leave("budget.minimum", "0 stands for 3 in Istio; the least is 1")
        return {"percent": budget.percent, "minRetryConcurrency": budget.minimum or 1}

    def _balancer(self, balancer: BalancerPolicy) -> Data:
        if balancer.kind != "RING_HASH":
            return {"simple": balancer.kind}
        self._leave("balancer.kind", f"the library's caller gives the key; the mesh hashes the header {HASHED_HEADER}")
        ring = {"minimumRingSize": balancer.minimum_ring_size}
        return {"consistentHash": {"httpHeaderName": HASHED_HEADER, "ringHash": ring}}

    def _duration(self, field: str, seconds: float) -> str:
        """Istio's durations are whole milliseconds, one at least."""
        if seconds > LONGEST.total_seconds():
            self._leave(field, f"Istio takes at most {LONGEST // timedelta(hours=1)}h")
            return go_duration(timedelta(hours=LONGEST // timedelta(hours=1)))
        milliseconds = max(1, round(seconds * 1000))
        if abs(milliseconds / 1000 - seconds) > 1e-9:
            self._leave(field, f"Istio takes whole milliseconds: {milliseconds} ms")
        return go_duration(timedelta(milliseconds=milliseconds))

    def _percent(self, field: str, percent: float) -> int:
        """Istio's shares here are whole numbers."""
        if percent != round(percent):
            self._leave(field, f"Istio takes whole percents: {round(percent)}")
        return round(percent)

    def _leave(self, field: str, why: str) -> None:
        self.left.append(NotCarried(f"policy of {self._callee}", field, why))
