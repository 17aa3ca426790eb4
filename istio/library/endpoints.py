"""Istio objects -> the policies of a client that sees every replica, as a sidecar does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from istio.compile.balancer import hash_policy
from istio.library.edges import edge_policy
from istio.library.spoken import NotCarried, Place, Spoken, spoken
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
_RETRIES = {"retry_remote_localities": "a client knows of no localities"}


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
        made[edge.callee] = endpoint_policy(edge)
        left.update(dict.fromkeys((*edge.left, *_left(edge))))
    return made, list(left)


def endpoint_policy(edge: Spoken) -> EndpointPolicy:
    """What of an edge's objects a client that sees every replica does."""
    policy = edge.policy
    return EndpointPolicy.of(
        edge_policy(edge, breaker=None),
        _outlier(policy.outlier_detection),
        budget=_budget(policy.retry_budget),
        balancer=_balancer(policy.load_balancer),
    )


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


def _left(edge: Spoken) -> Iterator[NotCarried]:
    if edge.route is not None and edge.routed_at is not None:
        yield from edge.routed_at.at("retries").left_fields(edge.route.retries, _RETRIES)
    if edge.ruled_at is not None:
        yield from _left_of_balancer(edge.policy.load_balancer, edge.ruled_at.at("loadBalancer"))
    yield from _left_of_tried(edge)


def _left_of_balancer(balancer: LoadBalancer | None, place: Place) -> Iterator[NotCarried]:
    if balancer is None:
        return
    if balancer.consistent_hash is not None:
        yield place.left("consistentHash", "the caller gives the key; the library reads no headers or cookies")
        if balancer.consistent_hash.maglev is not None:
            yield place.left("consistentHash.maglev", "the library has a ring of hashes")
    elif balancer.simple == "PASSTHROUGH":
        yield place.left("simple", "a client has no address but the service's")
    yield from place.left_fields(balancer, _BALANCER)


def _left_of_tried(edge: Spoken) -> Iterator[NotCarried]:
    """Where a retry avoids the replicas that its call has tried in the mesh alone, or in the library alone."""
    retries = edge.route.retries if edge.route else None
    said = retries.retry_ignore_previous_hosts if retries else None
    in_mesh = not _is_hashed(edge) if said is None else said
    if (retries is not None and not retries.attempts) or in_mesh is _balancer(edge.policy.load_balancer).avoids_tried:
        return
    does = "does so on a ring too" if in_mesh else "does not"
    why = f"a client's retry avoids the replicas already tried, except on a ring; the mesh {does}"
    if said is not None and edge.routed_at is not None:
        yield edge.routed_at.left("retries.retryIgnorePreviousHosts", why)
    elif edge.ruled_at is not None:
        yield edge.ruled_at.left("loadBalancer", why)


def _is_hashed(edge: Spoken) -> bool:
    """Whether the route hashes something, so that its retries may go where its first try went (compile/actions.py)."""
    if edge.route is None or len(edge.route.route) != 1:
        return False
    to = edge.route.route[0].destination
    return hash_policy(edge.rule.hash_for(to.subset, to.port.number if to.port else None)) is not None
