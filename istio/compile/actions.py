"""What a route does with a request: where it goes, for how long, and how often."""

from __future__ import annotations

from typing import Any

from istio.compile.alterations import CORS_FILTER, cors_filter, direct_response, mirror, path_rewrite, redirect
from istio.compile.balancer import hash_policy
from istio.compile.faults import FAULT_FILTER, fault_filter
from istio.compile.headers import header_changes
from istio.compile.names import outbound_cluster, qualified
from istio.compile.retries import retry_policy
from istio.compile.rules import Rules
from istio.objects.destination_rule import ConsistentHash
from istio.objects.duration import envoy_duration
from istio.objects.route_actions import Destination
from istio.objects.virtual_service import HttpRoute, RouteDestination
from istio.registry import Service


class Actions:
    """Routes of one VirtualService on one listener port.

    ``services`` are those that have this port (of a gateway: all), by hostname: istiod looks nowhere else for a
    destination's port. For its rule it looks ``everywhere``.
    """

    def __init__(
        self, rules: Rules, services: dict[str, Service], everywhere: dict[str, Service], port: int, namespace: str
    ):
        self._rules, self._services, self._everywhere = rules, services, everywhere
        self._port, self._namespace = port, namespace

    def route(self, http: HttpRoute) -> dict[str, Any]:
        """Return the action, and what goes beside it, of one rule."""
        changes = header_changes(http.headers)
        filters: dict[str, Any] = {}
        if http.fault is not None:
            filters[FAULT_FILTER] = fault_filter(http.fault)
        if http.cors_policy is not None:
            filters[CORS_FILTER] = cors_filter(http.cors_policy)
        out: dict[str, Any] = {"typed_per_filter_config": filters} if filters else {}
        if http.redirect is not None:
            return {**out, **changes.fields(), "redirect": redirect(http.redirect, self._port)}
        if http.direct_response is not None:
            return {**out, **changes.fields(), "direct_response": direct_response(http.direct_response)}
        action = self._forward(http)
        if len(http.route) == 1:
            changes = changes.then(header_changes(http.route[0].headers))
        host = (http.rewrite.authority if http.rewrite else "") or changes.host
        if host:
            action["host_rewrite_literal"] = host
        return {**out, **changes.fields(), "route": action}

    def _forward(self, http: HttpRoute) -> dict[str, Any]:
        timeout = envoy_duration(http.timeout) if http.timeout else "0s"
        # No timeout means none: Envoy's own default of 15 s is switched off.
        action: dict[str, Any] = {"timeout": timeout, "max_grpc_timeout": timeout}
        taken = [one for one in http.route if one.weight > 0 or len(http.route) == 1]
        if len(http.route) == 1:
            action["cluster"] = self.cluster(http.route[0].destination)
        else:
            action["weighted_clusters"] = {"clusters": [self._weighted(one) for one in taken]}
        if http.rewrite is not None:
            action.update(path_rewrite(http.rewrite))
        mirrors = self._mirrors(http)
        if mirrors:
            action["request_mirror_policies"] = mirrors
        hashes = [policy for one in taken if (policy := hash_policy(self._hash(one.destination))) is not None]
        if hashes:
            action["hash_policy"] = hashes
        # Only a single destination counts as hashed; weighted ones keep away from hosts that were tried.
        retries = retry_policy(http.retries, hashed=bool(hashes) and len(http.route) == 1)
        if retries is not None:
            action["retry_policy"] = retries
        return action

    def _weighted(self, one: RouteDestination) -> dict[str, Any]:
        changes = header_changes(one.headers)
        host = {"host_rewrite_literal": changes.host} if changes.host else {}
        return {"name": self.cluster(one.destination), "weight": one.weight, **changes.fields(), **host}

    def _mirrors(self, http: HttpRoute) -> list[dict[str, Any]]:
        wanted = [(one.destination, one.percentage) for one in http.mirrors]
        if http.mirror is not None:
            wanted = [(http.mirror, http.mirror_percentage)]
        return [mirror(self.cluster(to), percent) for to, percent in wanted if percent is None or percent.value > 0]

    def cluster(self, destination: Destination) -> str:
        """Return the cluster of a destination: its own port, else the service's only one, else the listener's."""
        return outbound_cluster(self._port_of(destination), destination.subset, self._hostname(destination))

    def _port_of(self, destination: Destination) -> int:
        if destination.port is not None:
            return destination.port.number
        service = self._services.get(self._hostname(destination))
        return service.ports[0].number if service and len(service.ports) == 1 else self._port

    def _hostname(self, destination: Destination) -> str:
        return qualified(destination.host, self._namespace)

    def _hash(self, destination: Destination) -> ConsistentHash | None:
        service = self._everywhere.get(self._hostname(destination))
        if service is None:
            return None
        port = destination.port.number if destination.port else None
        return self._rules.of(service).hash_for(destination.subset, port)


def default_action(service: Service, port: int, hashed_by: ConsistentHash | None) -> dict[str, Any]:
    """Say what is done with requests to a service that no VirtualService speaks of."""
    action: dict[str, Any] = {
        "cluster": outbound_cluster(port, "", service.hostname),
        "timeout": "0s",
        "max_grpc_timeout": "0s",
        "retry_policy": retry_policy(None),
    }
    hashed = hash_policy(hashed_by)
    if hashed is not None:
        action["hash_policy"] = [hashed]
    return action
