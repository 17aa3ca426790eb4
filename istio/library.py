"""Istio objects -> the library's policies, and what of them a client library does not do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from istio.compile.matches import is_catch_all, route_match, speaks_to
from istio.compile.names import matches, qualified
from istio.compile.retries import DEFAULT_ATTEMPTS, DEFAULT_RETRY_ON
from istio.compile.rules import Policy, Rule, Rules
from istio.compile.visibility import visible
from istio.objects.destination_rule import ConnectionPool, OutlierDetection
from istio.objects.model import Model
from istio.objects.parse import IstioObject, Objects
from istio.objects.virtual_service import HttpRoute, Retries, VirtualService
from istio.registry import Proxy
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
_TCP = {
    "connect_timeout": "the per-try timeout bounds the connection too",
    "tcp_keepalive": "the client's connector has none",
    "max_connection_duration": "the client's connector has none",
    "idle_timeout": "the client's keep-alive is equal in every mode",
}
_HTTP = {
    "http2_max_requests": "the client speaks HTTP/1.1; maxConnections bounds its requests",
    "max_requests_per_connection": "the client keeps its connections",
    "idle_timeout": "the client's keep-alive is equal in every mode",
    "h2_upgrade_policy": "the client speaks HTTP/1.1",
    "use_client_protocol": "the client speaks HTTP/1.1",
}
_ROUTE = {
    "fault": "faults are injected by the sidecar",
    "redirect": "requests are answered by the sidecar",
    "direct_response": "requests are answered by the sidecar",
    "rewrite": "requests are changed by the sidecar",
    "headers": "requests are changed by the sidecar",
    "mirror": "requests are copied by the sidecar",
    "mirrors": "requests are copied by the sidecar",
    "cors_policy": "the sidecar answers for other origins",
}
_RETRIES = {
    "retry_remote_localities": "a client sees one address per service",
    "retry_ignore_previous_hosts": "a client does not choose replicas",
}


@dataclass(frozen=True, slots=True)
class NotCarried:
    """A field that the library does not do: which object, where in it, and why."""

    object: str
    path: str
    why: str


def policies(
    objects: Objects, callees: Sequence[str], *, namespace: str = "airport", port: int = 8080
) -> tuple[dict[str, EdgePolicy], list[NotCarried]]:
    """One policy per callee (short service names), as a caller in ``namespace`` has it, and what is left behind.

    Where the objects say nothing, Istio's defaults are carried: two retries on failures to connect, no timeout.
    """
    client = Proxy("", namespace, {})
    objects = visible(objects, namespace)
    rules = Rules(objects, client)
    made: dict[str, EdgePolicy] = {}
    left: dict[NotCarried, None] = {}
    for callee in callees:
        hostname = qualified(callee, namespace)
        rule = rules.at(hostname, namespace)
        spoken = _speaks_for(objects, hostname)
        route = _whole_route(spoken, client, port, left) if spoken else None
        policy = rule.for_port(port)
        made[callee] = EdgePolicy(
            retry=_retry(route.retries if route else None),
            timeout=_timeout(route),
            breaker=_breaker(policy.outlier_detection),
            limits=_limits(policy.connection_pool),
        )
        left.update(dict.fromkeys(_left_of_rule(rule, policy, port)))
    return made, list(left)


def _speaks_for(objects: Objects, hostname: str) -> VirtualService | None:
    for one in objects.virtual_services:
        in_mesh = not one.spec.gateways or "mesh" in one.spec.gateways
        if in_mesh and any(matches(qualified(host, one.metadata.namespace), hostname) for host in one.spec.hosts):
            return one
    return None


def _whole_route(
    virtual_service: VirtualService, client: Proxy, port: int, left: dict[NotCarried, None]
) -> HttpRoute | None:
    """Return the rule that holds for every request; what is said for some requests only is left behind."""
    name = _name(virtual_service)
    for index, http in enumerate(virtual_service.spec.http):
        path = f"spec.http[{index}]"
        heard = [one for one in http.match if speaks_to(one, client, port)]
        if http.match and not any(is_catch_all(route_match(one)) for one in heard):
            left[NotCarried(name, f"{path}.match", "the library has one policy for a whole service")] = None
            continue
        if len(http.route) > 1 or any(one.destination.subset for one in http.route):
            left[NotCarried(name, f"{path}.route", "a client does not choose subsets or weights")] = None
        left.update(dict.fromkeys(_set_fields(http, _ROUTE, name, path)))
        left.update(dict.fromkeys(_set_fields(http.retries, _RETRIES, name, f"{path}.retries")))
        return http
    return None


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


def _breaker(outlier: OutlierDetection | None) -> BreakerPolicy | None:
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


def _left_of_rule(rule: Rule, policy: Policy, port: int) -> Iterator[NotCarried]:
    if rule.source is None:
        return
    name, path = _name(rule.source), _policy_path(rule, port)
    if policy.load_balancer is not None:
        yield NotCarried(name, f"{path}.loadBalancer", "a client's connections are spread by the network")
    yield from _set_fields(policy.outlier_detection, _OUTLIER, name, f"{path}.outlierDetection")
    if policy.connection_pool is not None:
        yield from _set_fields(policy.connection_pool.tcp, _TCP, name, f"{path}.connectionPool.tcp")
        yield from _set_fields(policy.connection_pool.http, _HTTP, name, f"{path}.connectionPool.http")
    if policy.retry_budget is not None:
        yield NotCarried(name, f"{path}.retryBudget", "the library limits retries by number (maxRetries)")
    if rule.subsets:
        yield NotCarried(name, "spec.subsets", "a client does not choose subsets")


def _policy_path(rule: Rule, port: int) -> str:
    for index, entry in enumerate(rule.policy.port_level_settings if rule.policy else ()):
        if entry.port.number == port:
            return f"spec.trafficPolicy.portLevelSettings[{index}]"
    return "spec.trafficPolicy"


def _set_fields(block: Model | None, reasons: dict[str, str], name: str, path: str) -> Iterator[NotCarried]:
    for field, why in reasons.items():
        if block is not None and field in block.model_fields_set:
            yield NotCarried(name, f"{path}.{type(block).model_fields[field].alias}", why)


def _name(one: IstioObject) -> str:
    return f"{one.kind} {one.metadata.namespace}/{one.metadata.name}"
