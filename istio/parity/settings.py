"""The respects in which arms are compared: who writes each, and where the library's policies hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_PER_SERVICE = "a breaker is per service, not per replica"
_KUBE_PROXY = "the network chooses a replica for each connection"
_NO_PROXY = "no proxy stands before the callee"
_NO_FIELD = "Istio has no field for it"
_BOUND_BY_CONNECTIONS = "the client speaks HTTP/1.1: its connections bound its requests"


@dataclass(frozen=True, slots=True)
class Setting:
    """One respect. `written`: the block and the field of Istio's objects that write it.

    `edge`, `endpoint`: the part and field of an EdgePolicy and of an EndpointPolicy; empty where there is none.
    `apart`: why a client's arm has none, or another, by mode.
    """

    written: tuple[str, str] = ("", "")
    edge: str = ""
    endpoint: str = ""
    unit: str = ""
    apart: Mapping[str, str] = field(default_factory=dict)


def _library(why: str) -> dict[str, str]:
    return {"library": why}


def _both(why: str) -> dict[str, str]:
    return {"library": why, "library-endpoints": why}


def _own(path: str, unit: str = "") -> Setting:
    """A respect in which a client alone can be told anything."""
    return Setting(edge=path, endpoint=path, unit=unit, apart=_both(_NO_FIELD))


SETTINGS: Mapping[str, Setting] = {
    "retries.attempts": Setting(("retries", "attempts"), "retry.attempts", "retry.attempts"),
    "retries.on": Setting(("retries", "retry_on"), "retry.retry_on", "retry.retry_on"),
    "retries.backoff": Setting(("retries", "backoff"), "retry.backoff_s", "retry.backoff_s", "s"),
    "retries.max-backoff": Setting(("retries", "backoff"), "retry.max_backoff_s", "retry.max_backoff_s", "s"),
    "retries.avoid-tried": Setting(
        ("retries", "retry_ignore_previous_hosts"),
        apart={
            "library": _KUBE_PROXY,
            "library-endpoints": "a client avoids replicas already tried, but not on a ring",
        },
    ),
    "retries.inbound": Setting(apart=_both(_NO_PROXY)),
    "timeout.try": Setting(("retries", "per_try_timeout"), "timeout.per_try_s", "timeout.per_try_s", "s"),
    "timeout.call": Setting(("route", "timeout"), "timeout.overall_s", "timeout.overall_s", "s"),
    "timeout.client": Setting(apart=_both("the client of the mesh makes one try, and the proxy all others within it")),
    "timeout.connect": Setting(
        ("tcp", "connect_timeout"), unit="s", apart=_both("the connector's own; a per-try timeout bounds it too")
    ),
    "pool.connections": Setting(("tcp", "max_connections"), "limits.connections", "limits.connections"),
    "pool.pending": Setting(("http", "http1_max_pending_requests"), "limits.pending", "limits.pending"),
    "pool.requests": Setting(("http", "http2_max_requests"), apart=_both(_BOUND_BY_CONNECTIONS)),
    "pool.retries": Setting(("http", "max_retries"), "limits.retries", "limits.retries"),
    "pool.per-connection": Setting(
        ("http", "max_requests_per_connection"), apart=_both("the client keeps its connections")
    ),
    "pool.idle": Setting(
        ("http", "idle_timeout"), unit="s", apart=_both("the client's keep-alive is equal in every mode")
    ),
    "pool.client": Setting(),
    "inbound.connections": Setting(("inbound-tcp", "max_connections"), apart=_both(_NO_PROXY)),
    "inbound.pending": Setting(("inbound-http", "http1_max_pending_requests"), apart=_both(_NO_PROXY)),
    "budget.percent": Setting(
        ("budget", "percent"), "", "budget.percent", "%", _library("the library limits retries by number")
    ),
    "budget.minimum": Setting(
        ("budget", "min_retry_concurrency"), "", "budget.minimum", "", _library("the library limits retries by number")
    ),
    "outlier.failures": Setting(("outlier", "consecutive_5xx_errors"), "breaker.failures", "outlier.consecutive_5xx"),
    "outlier.gateway-errors": Setting(
        ("outlier", "consecutive_gateway_errors"),
        "",
        "outlier.consecutive_gateway_errors",
        apart=_library("the breaker counts every 5xx alike"),
    ),
    "outlier.local-failures": Setting(
        ("outlier", "consecutive_local_origin_failures"),
        "",
        "outlier.consecutive_local_origin_failures",
        apart=_library("the breaker counts every failure alike"),
    ),
    "outlier.time": Setting(("outlier", "base_ejection_time"), "breaker.reset_s", "outlier.base_ejection_s", "s"),
    "outlier.max-time": Setting(
        ("outlier", "base_ejection_time"), unit="s", apart=_library("a breaker's time does not grow")
    ),
    "outlier.interval": Setting(
        ("outlier", "interval"), "", "outlier.interval_s", "s", _library("a breaker acts at the failure; no sweep")
    ),
    "outlier.percent": Setting(
        ("outlier", "max_ejection_percent"), "", "outlier.max_ejection_percent", "%", _library(_PER_SERVICE)
    ),
    "outlier.replicas": Setting(("outlier", "max_ejection_percent"), apart=_library(_PER_SERVICE)),
    "outlier.panic": Setting(
        ("outlier", "min_health_percent"),
        "",
        "outlier.min_health_percent",
        "%",
        {"library": _PER_SERVICE, "library-endpoints": "without outlier detection every replica that is ready is used"},
    ),
    "balancer.kind": Setting(("balancer", "simple"), "", "balancer.kind", apart=_library(_KUBE_PROXY)),
    "balancer.ring": Setting(
        ("ring", "minimum_ring_size"), "", "balancer.minimum_ring_size", apart=_library(_KUBE_PROXY)
    ),
    # what a policy set's library.json says
    "retries.retry-after": _own("retry.retry_after_s", "s"),
    "timeout.propagated": _own("timeout.propagate"),
    "hedge.delay": _own("hedge.delay_s", "s"),
    "fallback.age": _own("fallback.max_age_s", "s"),
}
