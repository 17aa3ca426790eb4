"""Istio objects -> the policies of a client that sees every replica, as a sidecar does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from istio.library.edges import edge_policy
from istio.library.spoken import NotCarried, Spoken, left_of_pool, name_of, policy_path, set_fields, spoken
from istio.objects.destination_rule import LoadBalancer, OutlierDetection, RetryBudget
from istio.objects.parse import Objects
from resilience_lib import BalancerPolicy, BudgetPolicy, EndpointPolicy, OutlierPolicy

# Envoy's defaults, in OutlierDetection: a host falls after five in a row, and one in ten hosts at most.
_FAILURES, _MOST_PERCENT = 5, 10
_SIMPLE = {"ROUND_ROBIN": "ROUND_ROBIN", "RANDOM": "RANDOM"}
_BALANCER = {
    "warmup": "a new replica has its whole share at once",
    "warmup_duration_secs": "a new replica has its whole share at once",
}


def endpoint_policies(
    objects: Objects, callees: Sequence[str], *, namespace: str = "airport", port: int = 8080
) -> tuple[dict[str, EndpointPolicy], list[NotCarried]]:
    """One policy per callee (short service names), as a caller in ``namespace`` has it, and what is left behind.

    Where the objects say nothing, Istio's and Envoy's defaults are carried: two retries on failures to connect, no
    timeout, LEAST_REQUEST.
    """
    made: dict[str, EndpointPolicy] = {}
    left: dict[NotCarried, None] = {}
    for edge in spoken(objects, callees, namespace=namespace, port=port):
        policy = edge.policy
        made[edge.callee] = EndpointPolicy.of(
            edge_policy(edge, breaker=None),
            _outlier(policy.outlier_detection),
            budget=_budget(policy.retry_budget),
            balancer=_balancer(policy.load_balancer),
        )
        left.update(dict.fromkeys((*edge.left, *_left_of_rule(edge, port))))
    return made, list(left)


def _outlier(outlier: OutlierDetection | None) -> OutlierPolicy | None:
    if outlier is None:
        return None
    failures = outlier.consecutive_5xx_errors
    local = outlier.consecutive_local_origin_failures or _FAILURES
    return OutlierPolicy(
        _FAILURES if failures is None else failures,
        outlier.consecutive_gateway_errors or 0,
        local if outlier.split_external_local_origin_errors else 0,
        outlier.interval_or_default.total_seconds(),
        outlier.base_ejection_or_default.total_seconds(),
        outlier.max_ejection_percent or _MOST_PERCENT,
        outlier.min_health_percent,
    )


def _budget(budget: RetryBudget | None) -> BudgetPolicy | None:
    if budget is None:
        return None
    default = BudgetPolicy()
    # 0 retries at least is what istiod takes for nothing said
    return BudgetPolicy(
        default.percent if budget.percent is None else budget.percent, budget.min_retry_concurrency or default.minimum
    )


def _balancer(balancer: LoadBalancer | None) -> BalancerPolicy:
    if balancer is None:
        return BalancerPolicy()
    hashed = balancer.consistent_hash
    if hashed is not None:
        size = hashed.ring_hash.minimum_ring_size if hashed.ring_hash else hashed.minimum_ring_size
        return BalancerPolicy("RING_HASH", size) if size else BalancerPolicy("RING_HASH")
    return BalancerPolicy(_SIMPLE.get(balancer.simple or "", "LEAST_REQUEST"))


def _left_of_rule(edge: Spoken, port: int) -> Iterator[NotCarried]:
    rule, policy = edge.rule, edge.policy
    if rule.source is None:
        return
    name, path = name_of(rule.source), policy_path(rule, port)
    balancer = policy.load_balancer
    if balancer is not None and balancer.simple == "PASSTHROUGH":
        yield NotCarried(name, f"{path}.loadBalancer.simple", "a client has no address but the service's")
    if balancer is not None and balancer.consistent_hash is not None:
        where = f"{path}.loadBalancer.consistentHash"
        yield NotCarried(name, where, "the caller gives the key; the library reads no headers or cookies")
        if balancer.consistent_hash.maglev is not None:
            yield NotCarried(name, f"{where}.maglev", "the library has a ring of hashes")
    yield from set_fields(balancer, _BALANCER, name, f"{path}.loadBalancer")
    yield from left_of_pool(policy.connection_pool, name, path)
