"""What of an Envoy configuration changes behaviour, so that two of them can be compared.

Names of statistics, metadata and discovery plumbing are left out.
"""

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

BEHAVIOUR = (
    "lb_policy", "load_balancing_policy", "least_request_lb_config", "round_robin_lb_config", "ring_hash_lb_config",
    "maglev_lb_config", "common_lb_config", "circuit_breakers", "outlier_detection", "connect_timeout",
    "upstream_connection_options", "max_requests_per_connection", "typed_extension_protocol_options", "type",
    "transport_socket", "transport_socket_matches",
)  # fmt: skip
SILENT = {"decorator", "metadata", "name", "track_remaining", "@type", "stat_prefix"}


def meaning(config: Mapping[str, Any], hosts: list[str]) -> dict[str, Any]:
    """Clusters, routes and endpoints of one proxy; of the routes those to ``hosts`` (all, when there are none)."""
    return {
        "clusters": {name: _cluster(one) for name, one in config["clusters"].items()},
        "routes": {name: _routes(one, hosts) for name, one in config["routes"].items()},
        "endpoints": {name: _plain(one) for name, one in config["endpoints"].items()},
        "listeners": {
            name: _chains(one) for name, one in config.get("listeners", {}).items() if name != "virtualOutbound"
        },
    }


def differences(istiod: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Find where the two disagree; of clusters, routes and endpoints those that istiod's side kept."""
    if isinstance(istiod, dict) and isinstance(ours, dict):
        kept = path in ("/clusters", "/routes", "/endpoints", "/listeners")
        for key in sorted(istiod if kept else istiod.keys() | ours.keys()):
            yield from differences(istiod.get(key), ours.get(key), f"{path}/{key}")
    elif isinstance(istiod, list) and isinstance(ours, list) and len(istiod) == len(ours):
        for index, (one, other) in enumerate(zip(istiod, ours, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif istiod != ours:
        yield f"{path}: istiod says {istiod!r}, we say {ours!r}"


def _cluster(cluster: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: cluster[name] for name in BEHAVIOUR if name in cluster}
    panic = cluster.get("common_lb_config", {}).get("healthy_panic_threshold")
    # An empty threshold is 0 %, a missing one is Envoy's 50 %.
    return {**_plain(kept), "panic": None if panic is None else panic.get("value", 0)}


def _routes(configuration: Mapping[str, Any], hosts: list[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for host in configuration["virtual_hosts"]:
        if not hosts or host["name"].partition(".")[0] in hosts:
            domains = sorted(one for one in host["domains"] if not one.endswith(".") and not _is_address(one))
            kept[" ".join(domains)] = _plain({name: one for name, one in host.items() if name != "domains"})
    return kept


def _chains(listener: Mapping[str, Any]) -> dict[str, Any]:
    """By what a connection must look like: how it is secured, the rules that can refuse it, in order, and its way."""
    found = {}
    for chain in (*listener["filter_chains"], *filter(None, [listener.get("default_filter_chain")])):
        filters = [one for one in chain["filters"] if "rbac" in one["name"]]
        for one in chain["filters"]:
            filters += [each for each in one["typed_config"].get("http_filters", ()) if "rbac" in each["name"]]
        rules = [_plain({**one["typed_config"], "stat_prefix": None}) for one in filters]
        match = json.dumps(_plain(chain.get("filter_chain_match", {})), sort_keys=True)
        assert match not in found
        found[match] = {"tls": _plain(chain.get("transport_socket")), "rules": rules, "way": _way(chain["filters"][-1])}
    return found


def _way(last: Mapping[str, Any]) -> Any:
    """Where what passes goes: to routes by their name, to routes of its own, or to clusters."""
    config = last["typed_config"]
    if "rds" in config:
        return config["rds"]["route_config_name"]
    if "route_config" in config:
        return [_plain(host["routes"]) for host in config["route_config"]["virtual_hosts"]]
    clusters = [[one["name"], one["weight"]] for one in config.get("weighted_clusters", {}).get("clusters", ())]
    return {**_plain(config), "weighted_clusters": clusters}


def _is_address(domain: str) -> bool:
    try:
        ipaddress.ip_address(domain)
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    """One spelling for numbers and durations, without what means nothing."""
    if isinstance(value, dict):
        inner = {name: _plain(one) for name, one in value.items() if name not in SILENT}
        return {name: one for name, one in inner.items() if one is not None and one is not False and one != []}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, str) and re.fullmatch(r"[\d.]+s", value):
        return f"{float(value[:-1]):g}s"
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value
