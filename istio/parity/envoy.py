"""The mesh's side: every number out of what Envoy is told, and Envoy's own defaults where it is told nothing.

Defaults: config.route.v3 RetryPolicy and RouteAction, config.cluster.v3 Cluster, CircuitBreakers and OutlierDetection,
and HttpProtocolOptions. A function gives None for what is switched off, UNSAID for what is left to Envoy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from istio.compile.pool import HTTP_OPTIONS, UNLIMITED
from istio.parity.compiled import UNSAID, Compiled, at
from istio.parity.numbers import Value
from resilience_lib.outlier import LONGEST_EJECTION_S

Told = dict[str, Any]
_GROWTH = 10
_BACKOFF_S = 0.025
_MOST_PERCENT = 10
DEFAULTS: Mapping[str, Value] = {
    "retries.attempts": 1,
    "retries.backoff": _BACKOFF_S,
    "timeout.call": 15.0,
    "timeout.connect": 5.0,
    "pool.connections": 1024,
    "pool.pending": 1024,
    "pool.requests": 1024,
    "pool.retries": 3,
    "pool.idle": 3600.0,
    "inbound.connections": 1024,
    "inbound.pending": 1024,
    "budget.percent": 20.0,
    "budget.minimum": 3,
    "outlier.failures": 5,
    "outlier.gateway-errors": None,
    "outlier.local-failures": 5,
    "outlier.time": 30.0,
    "outlier.interval": 10.0,
    "outlier.percent": _MOST_PERCENT,
    "outlier.panic": 50.0,
    "balancer.kind": "ROUND_ROBIN",
    "balancer.ring": 1024,
}


def told(one: Compiled) -> Told:
    """Everything that a sidecar is told about one destination, by the names of `settings.SETTINGS`."""
    return {**_retries(one), **_timeouts(one), **_pool(one), **_outlier(one), **_balancer(one)}


def conditions(text: str, statuses: tuple[int, ...] = ()) -> str:
    """Return retryOn in one spelling: words, then statuses, without the word that only switches statuses on."""
    found = [word.strip() for word in text.split(",")]
    words = [word for word in found if word and not word.isdecimal() and word != "retriable-status-codes"]
    numbers = [word for word in found if word.isdecimal()]
    return ",".join(dict.fromkeys([*words, *numbers, *map(str, statuses)]))


def ejectable(percent: float, hosts: int) -> str:
    """Say how many replicas may be out at once: the one that is about to be is counted (since Envoy 1.31)."""
    return f"{sum(100 * (out + 1) / hosts <= percent for out in range(hosts))} of {hosts}"


def _seconds(text: Any) -> Any:
    """Envoy's duration; 0 s stands for no limit."""
    return UNSAID if text is UNSAID else float(str(text).removesuffix("s")) or None


def _limit(value: Any) -> Any:
    return None if value == UNLIMITED else value


def _percentage(value: Any) -> Any:
    """Envoy's Percent: an empty message is 0 %."""
    return value.get("value", 0) if isinstance(value, Mapping) else value


def _retries(one: Compiled) -> Told:
    policy, inbound = one.route.get("retry_policy"), one.inbound_route.get("retry_policy")
    names = ("attempts", "on", "backoff", "max-backoff", "avoid-tried")
    made: Told = {f"retries.{name}": None for name in names}
    if policy is not None:
        base = _seconds(at(policy, "retry_back_off.base_interval"))
        longest = _seconds(at(policy, "retry_back_off.max_interval"))
        if longest is UNSAID:
            longest = _GROWTH * (_BACKOFF_S if base is UNSAID else base)
        made |= {
            "retries.attempts": at(policy, "num_retries"),
            "retries.on": conditions(policy.get("retry_on", ""), tuple(policy.get("retriable_status_codes", ()))),
            "retries.backoff": base,
            "retries.max-backoff": round(longest, 6),
            "retries.avoid-tried": "retry_host_predicate" in policy,
        }
    made["retries.inbound"] = f"{inbound['num_retries']} on {inbound['retry_on']}" if inbound else None
    return made


def _timeouts(one: Compiled) -> Told:
    each = _seconds(at(one.route, "retry_policy.per_try_timeout"))
    return {
        "timeout.try": None if each is UNSAID else each,
        "timeout.call": _seconds(at(one.route, "timeout")),
        "timeout.connect": _seconds(at(one.cluster, "connect_timeout")),
    }


def _pool(one: Compiled) -> Told:
    here = at(one.cluster, "circuit_breakers.thresholds.0")
    there = at(one.inbound_cluster, "circuit_breakers.thresholds.0")
    options = one.cluster.get("typed_extension_protocol_options", {}).get(HTTP_OPTIONS, {})
    requests = at(options, "common_http_protocol_options.max_requests_per_connection")
    budget = at(here, "retry_budget")
    return {
        "pool.connections": _limit(at(here, "max_connections")),
        "pool.pending": _limit(at(here, "max_pending_requests")),
        "pool.requests": _limit(at(here, "max_requests")),
        # a budget stands in for the number
        "pool.retries": _limit(at(here, "max_retries")) if budget is UNSAID else None,
        "pool.per-connection": None if requests is UNSAID else requests,
        "pool.idle": _seconds(at(options, "common_http_protocol_options.idle_timeout")),
        "inbound.connections": _limit(at(there, "max_connections")) if one.inbound_cluster else None,
        "inbound.pending": _limit(at(there, "max_pending_requests")) if one.inbound_cluster else None,
        "budget.percent": None if budget is UNSAID else _percentage(at(budget, "budget_percent")),
        "budget.minimum": None if budget is UNSAID else at(budget, "min_retry_concurrency"),
    }


def _outlier(one: Compiled) -> Told:
    names = ("failures", "gateway-errors", "local-failures", "time", "max-time", "interval", "percent", "replicas")
    made: Told = {f"outlier.{name}": None for name in names}
    outlier = at(one.cluster, "outlier_detection")
    if outlier is not UNSAID:
        split = at(outlier, "split_external_local_origin_errors") is True
        time, percent = _seconds(at(outlier, "base_ejection_time")), at(outlier, "max_ejection_percent")
        made |= {
            "outlier.failures": _enforced(outlier, "consecutive_5xx"),
            "outlier.gateway-errors": _enforced(outlier, "consecutive_gateway_failure"),
            "outlier.local-failures": _enforced(outlier, "consecutive_local_origin_failure") if split else None,
            "outlier.time": time,
            "outlier.max-time": max(LONGEST_EJECTION_S, 0 if time is UNSAID else time),
            "outlier.interval": _seconds(at(outlier, "interval")),
            "outlier.percent": percent,
            "outlier.replicas": ejectable(_MOST_PERCENT if percent is UNSAID else percent, one.hosts),
        }
    made["outlier.panic"] = _percentage(at(one.cluster, "common_lb_config.healthy_panic_threshold"))
    return made


def _enforced(outlier: Mapping[str, Any], name: str) -> Any:
    """A threshold; None where Envoy counts and does not act."""
    return None if at(outlier, f"enforcing_{name}") == 0 else at(outlier, name)


def _balancer(one: Compiled) -> Told:
    kind = at(one.cluster, "lb_policy")
    ring = at(one.cluster, "ring_hash_lb_config.minimum_ring_size") if kind == "RING_HASH" else None
    return {"balancer.kind": kind, "balancer.ring": ring}
