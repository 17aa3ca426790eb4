"""The clients' side: every number out of the policies that the library is given, and out of the client beneath it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from istio.parity.envoy import conditions, ejectable
from istio.parity.numbers import CARRIED, CLIENT, LIBRARY, NETWORK, PODS, Number, Value
from istio.parity.settings import SETTINGS
from resilience_lib import BalancerPolicy, EdgePolicy, EndpointPolicy
from resilience_lib.outlier import LONGEST_EJECTION_S

_OFF = Number(None, LIBRARY)


@dataclass(frozen=True, slots=True)
class Client:
    """The HTTP client that all modes share: seconds for a request and for a connection, and its pool.

    `total_s` and `connect_s` are aiohttp's own defaults; the rest is what goaround gives every pod.
    """

    total_s: float
    connect_s: float
    connections: int
    keepalive_s: float


def edge_numbers(policy: EdgePolicy, client: Client) -> dict[str, Number]:
    """What a client that sees one address for each service does, by the names of `SETTINGS`."""
    made = {name: _of(policy, setting.edge) for name, setting in SETTINGS.items()} | _shared(policy, client)
    if policy.breaker is not None:
        made["outlier.max-time"] = Number(policy.breaker.reset_s, LIBRARY)
        made["outlier.replicas"] = Number("all at once", LIBRARY)
    return made | {"balancer.kind": Number("RANDOM, by connection", NETWORK)}


def endpoint_numbers(policy: EndpointPolicy, client: Client, replicas: int) -> dict[str, Number]:
    """What a client that sees every replica does, by the names of `SETTINGS`."""
    made = {name: _of(policy, setting.endpoint) for name, setting in SETTINGS.items()} | _shared(policy, client)
    balancer = policy.balancer or BalancerPolicy()
    if policy.retry is not None:
        made["retries.avoid-tried"] = Number(balancer.avoids_tried, CARRIED)
    for name in ("outlier.failures", "outlier.gateway-errors", "outlier.local-failures"):
        made[name] = replace(made[name], value=made[name].value or None)  # 0 switches one off
    if policy.outlier is not None:
        longest = max(LONGEST_EJECTION_S, policy.outlier.base_ejection_s)
        made["outlier.max-time"] = Number(longest, CARRIED)
        made["outlier.replicas"] = Number(ejectable(policy.outlier.max_ejection_percent, replicas), CARRIED)
    if balancer.kind != "RING_HASH":
        made["balancer.ring"] = _OFF
    if policy.budget is not None:  # it stands in for the number
        made["pool.retries"] = _OFF
    return made


def through_proxy(client: Client) -> dict[str, Number]:
    """What the client does on its way to the sidecar, which is no policy of the mesh."""
    return {
        "timeout.client": Number(f"{client.total_s:g} s a call", CLIENT),
        "pool.client": Number(client.connections, PODS),
    }


def _shared(policy: EdgePolicy | EndpointPolicy, client: Client) -> dict[str, Number]:
    made = {
        "timeout.client": Number(f"{client.total_s:g} s a try", CLIENT),
        "timeout.connect": Number(client.connect_s, CLIENT),
        "pool.client": Number(client.connections, PODS),
        "pool.idle": Number(client.keepalive_s, PODS),
    }
    if policy.retry is not None:
        made["retries.on"] = Number(conditions(policy.retry.retry_on), CARRIED)
    return made


def _of(policy: EdgePolicy | EndpointPolicy, path: str) -> Number:
    part, _, field = path.partition(".")
    block = getattr(policy, part) if part else None
    value: Value = getattr(block, field) if block is not None else None
    value = None if value is False else value
    return Number(value, LIBRARY if value is None else CARRIED)
