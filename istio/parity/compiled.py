"""What Envoy is told about one edge: the pieces of both sidecars' configurations that decide what becomes of a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from istio.compile import ProxyConfig
from istio.compile.matches import is_catch_all
from istio.compile.names import inbound_cluster

Json: TypeAlias = Mapping[str, Any]


class Unsaid:
    """The configuration does not say it, so that Envoy's own default holds."""


UNSAID = Unsaid()


@dataclass(frozen=True, slots=True)
class Compiled:
    """One destination of the route that takes every request, as the caller's sidecar and the callee's have it.

    `route` and `inbound_route` are Envoy's route actions; an answer that the sidecar gives itself has an empty one.
    `hosts`: how many endpoints the cluster has.
    """

    subset: str
    route: Json
    cluster: Json
    hosts: int
    inbound_route: Json
    inbound_cluster: Json


def compiled(caller: ProxyConfig, callee: ProxyConfig | None, hostname: str, port: int, target: int) -> list[Compiled]:
    """Every destination of the route for all requests to a host; none when some requests find no route.

    `callee`: the configuration of a pod behind the host, whose application listens on `target`.
    """
    route = _whole_route(caller, hostname, port)
    if route is None:
        return []
    action = route.get("route", {})
    weighted = [one["name"] for one in action.get("weighted_clusters", {}).get("clusters", ())]
    names = weighted or [action["cluster"]] if action else []
    inbound = _inbound(callee, target) if callee else {}
    own = callee.clusters.get(inbound_cluster(target), {}) if callee else {}
    return [
        Compiled(name.split("|")[2], action, caller.clusters.get(name, {}), _hosts(caller, name), inbound, own)
        for name in names
    ]


def at(value: object, path: str) -> Any:
    """Return what stands at a dotted path of Envoy's JSON, such as `retry_policy.num_retries`; UNSAID for nothing."""
    for step in path.split("."):
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            return UNSAID
    return value


def _whole_route(config: ProxyConfig, hostname: str, port: int) -> Json | None:
    for host in config.routes.get(str(port), {}).get("virtual_hosts", ()):
        if host["name"] == f"{hostname}:{port}":
            routes: list[Json] = host["routes"]
            return next((one for one in routes if is_catch_all(one["match"])), None)
    return None


def _hosts(config: ProxyConfig, cluster: str) -> int:
    localities = config.endpoints.get(cluster, {}).get("endpoints", ())
    return sum(len(one["lb_endpoints"]) for one in localities)


def _inbound(config: ProxyConfig, target: int) -> Json:
    """Return the action of the route from a pod's sidecar to its application."""
    for listener in config.listeners.values():
        for chain in listener.get("filter_chains", ()):
            if chain.get("filter_chain_match", {}).get("destination_port") == target:
                hosts = at(chain["filters"], f"{len(chain['filters']) - 1}.typed_config.route_config.virtual_hosts")
                action: Json = hosts[0]["routes"][0]["route"]
                return action
    return {}
