"""Envoy's discovery over REST: every Envoy asks for what it needs, and is answered when there is something new.

istiod pushes over gRPC. Watching files would be simpler still, but each of Envoy's file subscriptions holds an inotify
instance, one for every cluster, and Linux gives a user 128 of them by default: enough for nine sidecars of this
application. So an Envoy polls here, and the answer is held back until the resource differs from the version it has.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from aiohttp import web

_TYPES = {
    "clusters": "envoy.config.cluster.v3.Cluster",
    "endpoints": "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "routes": "envoy.config.route.v3.RouteConfiguration",
    "listeners": "envoy.config.listener.v3.Listener",
    "secrets": "envoy.extensions.transport_sockets.tls.v3.Secret",
}
SERVER_CLUSTER = "goaround-discovery"
# Envoy waits this long, and up to twice, between an answer and the next question.
_REFRESH = "0.005s"
_HELD = "3600s"
_ALL = ""


class Resources:
    """What one Envoy is to have: lists of resources by kind, and by name where they are asked for by name."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], tuple[str, str]] = {}
        self._changed = asyncio.Condition()
        self._refused: dict[tuple[str, str], str] = {}

    def clear(self) -> None:
        """Forget everything: a new life of this Envoy begins."""
        self._answers.clear()
        self._refused.clear()

    def write(self, kind: str, resources: Iterable[Mapping[str, Any]], name: str = _ALL) -> str | None:
        """Set resources; gives back their version, or None when they are exactly these already."""
        kind_type = f"type.googleapis.com/{_TYPES[kind]}"
        listed = [{"@type": kind_type, **_connected(one)} for one in resources]
        text = json.dumps(listed, sort_keys=True)
        version = hashlib.sha256(text.encode()).hexdigest()[:16]
        known = self._answers.get((kind, name))
        if known is not None and known[0] == version:
            return None
        body = json.dumps({"version_info": version, "type_url": kind_type, "resources": listed})
        self._answers[kind, name] = version, body
        return version

    def remove(self, kind: str, name: str) -> None:
        """Forget what nothing refers to any more."""
        self._answers.pop((kind, name), None)

    async def announce(self) -> None:
        """Answer those who wait for what was written since."""
        async with self._changed:
            self._changed.notify_all()

    async def newer(self, kind: str, name: str, version: str, refusal: bool) -> str:
        """Answer an Envoy that has `version` as soon as there is another; what it refused is not sent again."""
        key = kind, name
        if refusal and key in self._answers:
            self._refused[key] = self._answers[key][0]
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_news(key, version))
            return self._answers[key][1]

    def _has_news(self, key: tuple[str, str], version: str) -> bool:
        if key not in self._answers:
            return False
        current = self._answers[key][0]
        return current not in (version, self._refused.get(key))


class DiscoveryServer:
    """Answers the Envoys of one world, each by its node id.

    It hands out private keys, so it listens on a unix socket: who may open the socket's folder may ask.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._nodes: dict[str, Resources] = {}
        application = web.Application()
        application.add_routes([web.post("/v3/discovery:{kind}", self._answer)])
        # Without cancellation, the questions of an Envoy that was killed would be held for ever.
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)

    async def start(self) -> Self:
        """Begin to listen."""
        await self._runner.setup()
        await web.UnixSite(self._runner, self._socket).start()
        return self

    async def close(self) -> None:
        """Stop listening; questions that are held back go without an answer."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def resources(self, node: str) -> Resources:
        """Return what the Envoy of this node id is given."""
        return self._nodes.setdefault(node, Resources())

    def forget(self, node: str) -> None:
        """Drop an Envoy that is no more."""
        self._nodes.pop(node, None)

    def cluster(self) -> dict[str, Any]:
        """Return the static cluster by which an Envoy finds this server."""
        host = {"endpoint": {"address": {"pipe": {"path": str(self._socket)}}}}
        return {
            "name": SERVER_CLUSTER,
            "type": "STATIC",
            "connect_timeout": "5s",
            "load_assignment": {"cluster_name": SERVER_CLUSTER, "endpoints": [{"lb_endpoints": [host]}]},
        }

    async def _answer(self, request: web.Request) -> web.Response:
        kind, node, name, version, refusal = await _question(request)
        if kind not in _TYPES or node not in self._nodes:
            raise web.HTTPNotFound(text=f"no {kind} for the node {node!r}")
        body = await self._nodes[node].newer(kind, name, version, refusal)
        return web.Response(text=body, content_type="application/json")


async def _question(request: web.Request) -> tuple[str, str, str, str, bool]:
    """Kind, node, name, version at hand, and whether the last answer was refused.

    An Envoy lists its 25 KB of extensions in each question; nothing of that may be held for as long as the question is,
    so the body is read past the request's own cache.
    """
    asked = json.loads(await request.content.read())
    name = next(iter(asked.get("resource_names", ())), _ALL)
    node = asked.get("node", {}).get("id", "")
    return request.match_info["kind"], node, name, asked.get("version_info", ""), "error_detail" in asked


def source() -> dict[str, Any]:
    """Return the config source that asks the discovery server."""
    api = {
        "api_type": "REST",
        "transport_api_version": "V3",
        "cluster_names": [SERVER_CLUSTER],
        "refresh_delay": _REFRESH,
        "request_timeout": _HELD,
    }
    return {"api_config_source": api, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}


# Where a cluster or a listener says whom to ask: for endpoints, for routes, for certificates.
_SOURCES = {"eds_config", "config_source", "sds_config"}


def _connected(resource: Any) -> Any:
    """Return a resource whose own discovery asks here, where istiod's would use its gRPC streams."""
    if isinstance(resource, Mapping):
        return {key: source() if key in _SOURCES else _connected(value) for key, value in resource.items()}
    return [_connected(one) for one in resource] if isinstance(resource, list | tuple) else resource
