"""LoadBalancer -> how a cluster picks a host, and what a route hashes (core/cluster_traffic_policy.go)."""

from __future__ import annotations

from typing import Any

from istio.compile.numbers import percentage
from istio.objects.destination_rule import ConsistentHash, LoadBalancer
from istio.objects.duration import envoy_duration

_SIMPLE = {
    "UNSPECIFIED": "LEAST_REQUEST",
    "LEAST_CONN": "LEAST_REQUEST",
    "LEAST_REQUEST": "LEAST_REQUEST",
    "ROUND_ROBIN": "ROUND_ROBIN",
    "RANDOM": "RANDOM",
}
_SLOW_START = {"LEAST_REQUEST": "least_request_lb_config", "ROUND_ROBIN": "round_robin_lb_config"}
_DEFAULT_RING = 1024
_DEFAULT_MIN_WEIGHT = 10.0


def passes_through(balancer: LoadBalancer | None) -> bool:
    """Whether requests go to the address that they were sent to, so that there are no hosts to choose from."""
    return balancer is not None and balancer.consistent_hash is None and balancer.simple == "PASSTHROUGH"


def load_balancer(balancer: LoadBalancer | None, *, original: bool = False) -> dict[str, Any]:
    """Return the cluster fields of a balancer; LEAST_REQUEST unless said otherwise (since Istio 1.14).

    ``original``: the service as a whole passes through, and so do its subsets, whatever their own policy says.
    """
    if original or passes_through(balancer):
        return {"lb_policy": "CLUSTER_PROVIDED", "type": "ORIGINAL_DST"}
    if balancer is None:
        return {"lb_policy": "LEAST_REQUEST"}
    if balancer.consistent_hash is not None:
        return _consistent_hash(balancer.consistent_hash)
    policy = _SIMPLE[balancer.simple or "UNSPECIFIED"]
    # ROUND_ROBIN is Envoy's zero value, which istiod's JSON does not write.
    out: dict[str, Any] = {} if policy == "ROUND_ROBIN" else {"lb_policy": policy}
    slow_start = _slow_start(balancer)
    if slow_start and policy in _SLOW_START:
        out[_SLOW_START[policy]] = {"slow_start_config": slow_start}
    return out


def hash_policy(chosen: ConsistentHash | None) -> dict[str, Any] | None:
    """Say what a route hashes; None when nothing is."""
    if chosen is None:
        return None
    if chosen.http_header_name:
        return {"header": {"header_name": chosen.http_header_name}}
    if chosen.http_cookie is not None:
        cookie: dict[str, Any] = {"name": chosen.http_cookie.name}
        if chosen.http_cookie.path:
            cookie["path"] = chosen.http_cookie.path
        if chosen.http_cookie.ttl is not None:
            cookie["ttl"] = envoy_duration(chosen.http_cookie.ttl)
        return {"cookie": cookie}
    if chosen.use_source_ip:
        return {"connection_properties": {"source_ip": True}}
    if chosen.http_query_parameter_name:
        return {"query_parameter": {"name": chosen.http_query_parameter_name}}
    return None


def _consistent_hash(chosen: ConsistentHash) -> dict[str, Any]:
    if chosen.maglev is not None:
        size = chosen.maglev.table_size
        return {"lb_policy": "MAGLEV", **({"maglev_lb_config": {"table_size": size}} if size else {})}
    if chosen.ring_hash is not None:
        ring = chosen.ring_hash.minimum_ring_size
        return {"lb_policy": "RING_HASH", **({"ring_hash_lb_config": {"minimum_ring_size": ring}} if ring else {})}
    return {
        "lb_policy": "RING_HASH",
        "ring_hash_lb_config": {"minimum_ring_size": chosen.minimum_ring_size or _DEFAULT_RING},
    }


def _slow_start(balancer: LoadBalancer) -> dict[str, Any]:
    if balancer.warmup is not None:
        warmup = balancer.warmup
        return {
            "slow_start_window": envoy_duration(warmup.duration),
            "aggression": {"default_value": warmup.aggression or 1.0, "runtime_key": "("},
            "min_weight_percent": percentage(
                _DEFAULT_MIN_WEIGHT if warmup.minimum_percent is None else warmup.minimum_percent
            ),
        }
    if balancer.warmup_duration_secs is not None:
        return {"slow_start_window": envoy_duration(balancer.warmup_duration_secs)}
    return {}
