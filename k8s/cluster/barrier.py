"""When the proxies of a world follow what was applied: Kubernetes says when it has accepted an object, and no more.

istiod gathers changes for a moment (a tenth of a second), and then tells all proxies all of them: who knows of an
object that was made last knows of those before it. So an object that changes nothing is made last, and looked for: by
a host that nobody calls, in the routes of every sidecar; by an answer that only the gateway can give, at the gateway.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from k8s.target import Document, Pod, TargetError

NAME = "goaround-barrier"
FOLLOWS_S = 60.0
POLL_S = 0.3
ANSWER_S = 5.0
NETWORKING = "networking.istio.io/v1"
PASSED = 204


@dataclass(frozen=True, slots=True)
class Barrier:
    """The objects that are looked for, and the `host` by which they are recognised."""

    host: str
    objects: list[Document]


def barrier(namespace: str, port: int, gateway: str | None) -> Barrier:
    """Make one for a namespace: a host on a `port` that its sidecars route by name, and an answer of its `gateway`."""
    own = secrets.token_hex(8)
    host = f"{own}.{NAME}.invalid"
    # a name of its own: who applies to an object that is being deleted changes what nobody will see
    metadata = {"name": f"{NAME}-{own}", "namespace": namespace}
    entry = {
        "hosts": [host],
        "exportTo": ["."],  # nobody else's proxies have anything to do with it
        "ports": [{"number": port, "name": "http", "protocol": "HTTP"}],
        "resolution": "STATIC",
        "endpoints": [{"address": "192.0.2.1"}],
    }
    objects: list[Document] = [
        {"apiVersion": NETWORKING, "kind": "ServiceEntry", "metadata": dict(metadata), "spec": entry}
    ]
    if gateway is not None:
        route = {"hosts": [host], "gateways": [gateway], "http": [{"directResponse": {"status": PASSED}}]}
        objects.append({"apiVersion": NETWORKING, "kind": "VirtualService", "metadata": dict(metadata), "spec": route})
    return Barrier(host, objects)


async def passed_by(
    one: Barrier, pods: Sequence[Pod], headers: Mapping[str, str], way_in: str | None, within_s: float = FOLLOWS_S
) -> None:
    """Return when the sidecars of `pods` know it, and the gateway at `way_in`.

    Raises TargetError naming who does not within `within_s`.
    """
    waiting: list[str] = []
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    try:
        async with asyncio.timeout(within_s), aiohttp.ClientSession(timeout=timeout) as http:
            left = [pod for pod in pods if pod.proxy_admin is not None]
            gateway = way_in
            while left or gateway:
                known = await asyncio.gather(*(_knows(http, pod, headers, one.host) for pod in left))
                left = [pod for pod, knows in zip(left, known, strict=True) if not knows]
                if gateway and await _answers(http, gateway, one.host):
                    gateway = None
                waiting = [*(pod.name for pod in left), *(["the ingress gateway"] if gateway else [])]
                if waiting:
                    await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise TargetError(
            f"after {within_s:g} s these do not follow what was applied: {', '.join(waiting) or 'all proxies'}"
        ) from None


async def _knows(http: aiohttp.ClientSession, pod: Pod, headers: Mapping[str, str], host: str) -> bool:
    """Whether a sidecar's routes name the host."""
    try:
        url = f"http://{pod.proxy_admin}/config_dump?resource=dynamic_route_configs"
        async with http.get(url, headers=headers) as answer:
            return answer.status == 200 and host in await answer.text()
    except (aiohttp.ClientError, TimeoutError):
        return False  # it is being started, or cannot be reached now: it is asked again


async def _answers(http: aiohttp.ClientSession, way_in: str, host: str) -> bool:
    try:
        async with http.get(f"http://{way_in}/", headers={"Host": host}) as answer:
            return answer.status == PASSED
    except (aiohttp.ClientError, TimeoutError):
        return False
