"""From a cluster's addresses to this machine's: listeners and addresses change, nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from istio.compile.http import MANAGER
from istio.compile.inbound import VIRTUAL_INBOUND
from istio.compile.listeners import outbound_name
from istio.compile.names import inbound_cluster
from istio.compile.proxy import ProxyConfig, Resources

LOOPBACK = "127.0.0.1"
Address: TypeAlias = tuple[str, int]
# Where a connection was meant to go, and what to do when nothing is known of it.
_WITH_INTERCEPTION = {"bind_to_port", "use_original_dst", "default_filter_chain"}
_OF_THE_INTERCEPTED = {"envoy.filters.listener.original_dst", "envoy.filters.listener.http_inspector"}


class Unplaced(LookupError):
    """An endpoint at a pod of this machine, on a port that the pod has nothing at."""


@dataclass(frozen=True, slots=True)
class LocalAddresses:
    """Where things are on this machine.

    ``outbound``: service port -> local port of the caller's listener; ``inbound``: target port -> local port of the
    pod's own inbound listener; ``app``: target port -> local port of the application; ``pods``: (pod IP, target port)
    -> where that pod's inbound listener is.
    """

    outbound: Mapping[int, int]
    inbound: Mapping[int, int]
    app: Mapping[int, int]
    pods: Mapping[Address, Address] = field(default_factory=dict)


def localise(config: ProxyConfig, addresses: LocalAddresses) -> ProxyConfig:
    """Return the same configuration for an Envoy that is given its connections directly, with no interception.

    An endpoint that is no pod's, as a ServiceEntry may name them, is outside and stays where it says that it is.

    Raises:
        Unplaced: an endpoint of a pod at a port whose place on this machine is not known.

    """
    return replace(
        config,
        clusters=_clusters(config.clusters, addresses),
        listeners=_listeners(config.listeners, addresses),
        endpoints={name: _assignment(one, addresses.pods) for name, one in config.endpoints.items()},
    )


def _clusters(clusters: Resources, addresses: LocalAddresses) -> Resources:
    made = dict(clusters)
    for target, port in addresses.app.items():
        name = inbound_cluster(target)
        if name in made:
            made[name] = _to_the_app(made[name], port)
    return made


def _to_the_app(cluster: Mapping[str, Any], port: int) -> dict[str, Any]:
    """Return the original destination of an inbound connection is the application; here it has a port of its own."""
    original_destination = ("lb_policy", "cleanup_interval", "upstream_bind_config")
    kept = {name: value for name, value in cluster.items() if name not in original_destination}
    host = {"endpoint": {"address": _socket(LOOPBACK, port)}}
    assignment = {"cluster_name": cluster["name"], "endpoints": [{"lb_endpoints": [host]}]}
    return {**kept, "type": "STATIC", "load_assignment": assignment}


def _listeners(listeners: Resources, addresses: LocalAddresses) -> Resources:
    made: dict[str, Mapping[str, Any]] = {}
    for service_port, port in addresses.outbound.items():
        name = outbound_name(service_port)
        chains = [
            without(chain, "filter_chain_match")
            for chain in listeners.get(name, {}).get("filter_chains", ())
            if chain["filters"][-1]["name"] == MANAGER
        ]
        if chains:  # whoever comes here speaks HTTP: nothing was intercepted that could be anything else
            made[name] = _bound(listeners[name], name, port, chains)
    virtual = listeners.get(VIRTUAL_INBOUND, {})
    for target, port in addresses.inbound.items():
        chains = [
            {
                **chain,
                "filter_chain_match": without(chain["filter_chain_match"], "destination_port"),
                "filters": _at_port(chain["filters"], target, port),
            }
            for chain in virtual.get("filter_chains", ())
            if chain["filter_chain_match"].get("destination_port") == target
        ]
        if chains:
            name = f"{VIRTUAL_INBOUND}_{target}"
            made[name] = _bound(virtual, name, port, chains)
    return made


def _bound(listener: Mapping[str, Any], name: str, port: int, chains: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a listener of its own for these chains, in place of one that gets what was intercepted."""
    filters = [one for one in listener.get("listener_filters", ()) if one["name"] not in _OF_THE_INTERCEPTED]
    changed = {"name": name, "address": _socket(LOOPBACK, port), "listener_filters": filters, "filter_chains": chains}
    return {**{key: value for key, value in listener.items() if key not in _WITH_INTERCEPTION}, **changed}


def _at_port(value: Any, target: int, port: int) -> Any:
    """Return filters that speak of the same port where it is on this machine (authorization by port)."""
    if isinstance(value, Mapping):
        return {
            key: port if key == "destination_port" and item == target else _at_port(item, target, port)
            for key, item in value.items()
        }
    return [_at_port(item, target, port) for item in value] if isinstance(value, list | tuple) else value


def _assignment(assignment: Mapping[str, Any], pods: Mapping[Address, Address]) -> dict[str, Any]:
    localities = [
        {**locality, "lb_endpoints": [_endpoint(one, pods) for one in locality["lb_endpoints"]]}
        for locality in assignment.get("endpoints", ())
    ]
    return {**assignment, "endpoints": localities}


def _endpoint(endpoint: Mapping[str, Any], pods: Mapping[Address, Address]) -> dict[str, Any]:
    socket = endpoint["endpoint"]["address"]["socket_address"]
    at = (socket["address"], socket["port_value"])
    if at not in pods:
        if ports := sorted(port for ip, port in pods if ip == at[0]):
            here = ", ".join(map(str, ports))
            raise Unplaced(f"the endpoint {at[0]}:{at[1]} is a pod's, which has nothing at that port; it has {here}")
        return dict(endpoint)
    return {**endpoint, "endpoint": {**endpoint["endpoint"], "address": _socket(*pods[at])}}


def _socket(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def without(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a copy of a message without one of its fields."""
    return {key: item for key, item in value.items() if key != name}
