"""ConnectionPool and retry budget -> circuit breakers and protocol options (core/cluster_traffic_policy.go)."""

from __future__ import annotations

from typing import Any

from istio.compile.numbers import percentage
from istio.compile.rules import Policy
from istio.compile.tls import names_by_request
from istio.objects.destination_rule import HttpPool, TcpKeepalive, TcpPool
from istio.objects.duration import envoy_duration

UNLIMITED = 4294967295
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_DEFAULT_RETRY_PERCENT, _DEFAULT_RETRY_CONCURRENCY = 20.0, 3


def connection_pool(policy: Policy, *, http2: bool = False, inbound: bool = False) -> dict[str, Any]:
    """Return the cluster fields that limit what is under way; 0 in Istio's object stands for no limit.

    `http2`: what the port's protocol says. An upgrade to it is for callers only, so `inbound` there is none.
    """
    pool = policy.connection_pool
    tcp = (pool.tcp if pool else None) or TcpPool()
    http = (pool.http if pool else None) or HttpPool()
    threshold: dict[str, Any] = {
        "max_connections": tcp.max_connections or UNLIMITED,
        "max_pending_requests": http.http1_max_pending_requests or UNLIMITED,
        "max_requests": http.http2_max_requests or UNLIMITED,
        "max_retries": http.max_retries or UNLIMITED,
    }
    if policy.retry_budget is not None:
        budget = policy.retry_budget
        threshold["retry_budget"] = {
            "budget_percent": percentage(_DEFAULT_RETRY_PERCENT if budget.percent is None else budget.percent),
            # 0 is taken for nothing said: there is no way to ask for no retries beyond the share
            "min_retry_concurrency": budget.min_retry_concurrency or _DEFAULT_RETRY_CONCURRENCY,
        }
    out: dict[str, Any] = {
        "connect_timeout": envoy_duration(tcp.connect_timeout) if tcp.connect_timeout else "10s",
        "circuit_breakers": {"thresholds": [threshold]},
    }
    if tcp.tcp_keepalive is not None:
        out["upstream_connection_options"] = {"tcp_keepalive": _keepalive(tcp.tcp_keepalive)}
    http2 = http2 or (not inbound and http.h2_upgrade_policy == "UPGRADE")
    options = _http_options(tcp, http, names_by_request(policy.tls), http2=http2)
    if options:
        out["typed_extension_protocol_options"] = {
            HTTP_OPTIONS: {"@type": f"type.googleapis.com/{HTTP_OPTIONS}", **options}
        }
    return out


def _http_options(tcp: TcpPool, http: HttpPool, names: dict[str, bool], *, http2: bool) -> dict[str, Any]:
    common: dict[str, Any] = {}
    idle = http.idle_timeout or tcp.idle_timeout
    if idle is not None:
        common["idle_timeout"] = envoy_duration(idle)
    if tcp.max_connection_duration is not None:
        common["max_connection_duration"] = envoy_duration(tcp.max_connection_duration)
    if http.max_requests_per_connection:
        common["max_requests_per_connection"] = http.max_requests_per_connection
    if http.use_client_protocol:
        protocol: dict[str, Any] = {
            "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}}
        }
    elif http2:
        protocol = {"explicit_http_config": {"http2_protocol_options": {}}}
    elif common or names:
        protocol = {"explicit_http_config": {"http_protocol_options": {}}}
    else:
        return {}
    return {
        **({"common_http_protocol_options": common} if common else {}),
        **({"upstream_http_protocol_options": names} if names else {}),
        **protocol,
    }


def _keepalive(keepalive: TcpKeepalive) -> dict[str, int]:
    out: dict[str, int] = {}
    if keepalive.probes:
        out["keepalive_probes"] = keepalive.probes
    if keepalive.time is not None:
        out["keepalive_time"] = int(keepalive.time.total_seconds())
    if keepalive.interval is not None:
        out["keepalive_interval"] = int(keepalive.interval.total_seconds())
    return out
