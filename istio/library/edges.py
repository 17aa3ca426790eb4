"""Istio objects -> the policies of a client that sees one address for each service: retries, timeouts, a breaker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from istio.compile.retries import DEFAULT_ATTEMPTS, DEFAULT_RETRY_ON
from istio.library.spoken import NotCarried, Spoken, spoken
from istio.objects.destination_rule import ConnectionPool, OutlierDetection
from istio.objects.parse import Objects
from istio.objects.virtual_service import HttpRoute, Retries
from resilience_lib import BreakerPolicy, EdgePolicy, LimitsPolicy, RetryPolicy, TimeoutPolicy

# Envoy's defaults: config.route.v3.RetryPolicy.RetryBackOff and OutlierDetection.consecutive_5xx
_BACKOFF = timedelta(milliseconds=25)
_BACKOFF_GROWTH = 10
_FAILURES = 5

_OUTLIER = {
    "interval": "a breaker opens at the failure itself; there is no sweep",
    "max_ejection_percent": "a breaker is per service, not per replica",
    "min_health_percent": "a breaker is per service, not per replica",
    "consecutive_gateway_errors": "the breaker counts every 5xx alike",
    "split_external_local_origin_errors": "the breaker counts every failure alike",
    "consecutive_local_origin_failures": "the breaker counts every failure alike",
}
_RETRIES = {
    "retry_remote_localities": "a client sees one address per service",
    "retry_ignore_previous_hosts": "a client does not choose replicas",
}


def policies(
    objects: Objects, callees: Sequence[str], *, namespace: str = "airport", port: int = 8080
) -> tuple[dict[str, EdgePolicy], list[NotCarried]]:
    """One policy per callee (short service names), as a caller in ``namespace`` has it, and what is left behind.

    Where the objects say nothing, Istio's defaults are carried: two retries on failures to connect, no timeout.
    """
    made: dict[str, EdgePolicy] = {}
    left: dict[NotCarried, None] = {}
    for edge in spoken(objects, callees, namespace=namespace, port=port):
        made[edge.callee] = edge_policy(edge, breaker=breaker(edge.policy.outlier_detection))
        left.update(dict.fromkeys((*edge.left, *_left(edge))))
    return made, list(left)


def edge_policy(edge: Spoken, *, breaker: BreakerPolicy | None) -> EdgePolicy:
    """What of an edge's objects both kinds of client do alike, with a breaker or without."""
    route = edge.route
    return EdgePolicy(
        retry=_retry(route.retries if route else None),
        timeout=_timeout(route),
        breaker=breaker,
        limits=_limits(edge.policy.connection_pool),
    )


def _retry(retries: Retries | None) -> RetryPolicy | None:
    if retries is None:
        return RetryPolicy(DEFAULT_ATTEMPTS, DEFAULT_RETRY_ON)
    if not retries.attempts:
        return None
    words = ",".join(word for token in retries.retry_on.split(",") if (word := token.strip()))
    backoff = (retries.backoff or _BACKOFF).total_seconds()
    return RetryPolicy(retries.attempts, words or DEFAULT_RETRY_ON, backoff, round(backoff * _BACKOFF_GROWTH, 6))


def _timeout(route: HttpRoute | None) -> TimeoutPolicy | None:
    overall = route.timeout if route else None
    per_try = route.retries.per_try_timeout if route and route.retries else None
    if overall is None and per_try is None:
        return None
    return TimeoutPolicy(
        per_try_s=per_try.total_seconds() if per_try else None,
        overall_s=overall.total_seconds() if overall else None,
    )


def breaker(outlier: OutlierDetection | None) -> BreakerPolicy | None:
    """What stands in for outlier detection where replicas are not seen."""
    if outlier is None:
        return None
    failures = _FAILURES if outlier.consecutive_5xx_errors is None else outlier.consecutive_5xx_errors
    return BreakerPolicy(failures, outlier.base_ejection_or_default.total_seconds()) if failures else None


def _limits(pool: ConnectionPool | None) -> LimitsPolicy | None:
    if pool is None:
        return None
    limits = LimitsPolicy(
        connections=(pool.tcp.max_connections or None) if pool.tcp else None,
        pending=(pool.http.http1_max_pending_requests or None) if pool.http else None,
        retries=(pool.http.max_retries or None) if pool.http else None,
    )
    return limits if limits != LimitsPolicy() else None


def _left(edge: Spoken) -> Iterator[NotCarried]:
    if edge.route is not None and edge.routed_at is not None:
        yield from edge.routed_at.at("retries").left_fields(edge.route.retries, _RETRIES)
    policy, place = edge.policy, edge.ruled_at
    if place is None:
        return
    if policy.load_balancer is not None:
        yield place.left("loadBalancer", "a client's connections are spread by the network")
    yield from place.at("outlierDetection").left_fields(policy.outlier_detection, _OUTLIER)
    if policy.retry_budget is not None:
        yield place.left("retryBudget", "the library limits retries by number (maxRetries)")
