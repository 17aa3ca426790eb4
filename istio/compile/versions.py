"""Defaults of older Istio releases: what a compiled configuration was before each change.

Sources: Istio's change notes, and manifests/helm-profiles/compatibility-version-*.yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from istio.compile.proxy import ProxyConfig

NEWEST = "1.31"
VERSIONS = ("1.24", "1.25", "1.26", "1.27", "1.28", "1.29", "1.30", NEWEST)
Change: TypeAlias = Callable[[ProxyConfig], ProxyConfig]


class UnknownVersion(ValueError):
    """Not a release whose defaults are known; the message lists those that are."""


def as_of(config: ProxyConfig, version: str) -> ProxyConfig:
    """Return a configuration as the given release would have had it.

    Raises:
        UnknownVersion: with the releases that are known.

    """
    if version not in VERSIONS:
        raise UnknownVersion(f"no defaults of Istio {version!r} are known; choose one of {', '.join(VERSIONS)}")
    for since, undo in _CHANGES.items():
        if VERSIONS.index(version) < VERSIONS.index(since):
            config = undo(config)
    return config


def _panicking(config: ProxyConfig) -> ProxyConfig:
    """Clusters without outlier detection had Envoy's panic threshold of 50 %, and hosts that are not ready left out."""
    clusters = {
        name: _without(cluster, "common_lb_config")
        if name.startswith("outbound|") and "outlier_detection" not in cluster
        else cluster
        for name, cluster in config.clusters.items()
    }
    return replace(config, clusters=clusters, endpoints={name: _ready(one) for name, one in config.endpoints.items()})


def _ready(assignment: Mapping[str, Any]) -> dict[str, Any]:
    localities = []
    for locality in assignment.get("endpoints", ()):
        hosts = [one for one in locality["lb_endpoints"] if one.get("health_status") != "UNHEALTHY"]
        weight = sum(one["load_balancing_weight"] for one in hosts)
        if hosts:
            localities.append({**locality, "lb_endpoints": hosts, "load_balancing_weight": weight})
    return {**_without(assignment, "endpoints"), **({"endpoints": localities} if localities else {})}


def _counting(config: ProxyConfig) -> ProxyConfig:
    """Circuit breakers told how much was left of each limit."""

    def counted(cluster: Mapping[str, Any]) -> dict[str, Any]:
        thresholds = cluster.get("circuit_breakers", {}).get("thresholds", ())
        made = [{**one, "track_remaining": True} for one in thresholds]
        return {**cluster, **({"circuit_breakers": {"thresholds": made}} if made else {})}

    return replace(config, clusters={name: counted(one) for name, one in config.clusters.items()})


def _shadowed(config: ProxyConfig) -> ProxyConfig:
    """A mirrored request's host ended in -shadow."""
    routes = {name: _dropped(one, "disable_shadow_host_suffix_append") for name, one in config.routes.items()}
    return replace(config, routes=routes)


def _accepting(config: ProxyConfig) -> ProxyConfig:
    """Listeners took as many connections at once as there were, and inbound gRPC was sent again as HTTP is."""
    listeners = {
        name: _retried(_dropped(one, "max_connections_to_accept_per_socket_event"))
        for name, one in config.listeners.items()
    }
    return replace(config, listeners=listeners)


def _retried(value: Any) -> Any:
    if isinstance(value, Mapping):
        made = {key: _retried(one) for key, one in value.items()}
        if "max_stream_duration" in made and "cluster" in made:  # only an inbound route has both
            made.setdefault("retry_policy", {"retry_on": "reset-before-request", "num_retries": 2})
        return made
    return [_retried(one) for one in value] if isinstance(value, list | tuple) else value


def _dropped(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _dropped(one, name) for key, one in value.items() if key != name}
    return [_dropped(one, name) for one in value] if isinstance(value, list | tuple) else value


def _without(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: one for key, one in value.items() if key != name}


# The release that brought a change -> how it was before, the newest first.
_CHANGES: dict[str, Change] = {"1.31": _panicking, "1.29": _counting, "1.28": _shadowed, "1.26": _accepting}
