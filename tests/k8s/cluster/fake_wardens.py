"""The wardens of a fake cluster's pods: one real HTTP server, which knows from the path whose it plays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from k8s.cluster.control import HEADER
from tests.k8s.cluster.fake import FakeCluster

USED = {"cpu_s": 1.0, "rss": 100, "pss": 60}
PROXY_USED = {"cpu_s": 2.0, "rss": 200, "pss": None}


class FakeWardens:
    """A way to pods (`Reach`), and what is there: `usage` and `stats` by pod, or what all others say.

    `asked` are pods, and what their wardens were asked or told. `silent` are pods whose wardens do not answer. Sidecars
    detect outliers as long as the cluster has DestinationRules that say so.
    """

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster
        self.usage: dict[str, dict[str, Any]] = {}
        self.stats: dict[str, str] = {}
        self.orders: list[tuple[str, str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.tokens: set[str | None] = set()
        self.silent: set[str] = set()
        self.refuses: list[str] = []
        self.returned: Callable[[], None] = self.stats.clear

    async def __aenter__(self) -> FakeWardens:
        app = web.Application()
        app.router.add_route("*", "/{namespace}/{pod}/9091/{path:.*}", self._answer)
        self._server = TestServer(app)
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    def address(self, namespace: str, pod: str, _ip: str, port: int) -> str:
        return f"{self._server.host}:{self._server.port}/{namespace}/{pod}/{port}"

    async def _answer(self, request: web.Request) -> web.Response:
        pod, path = request.match_info["pod"], request.match_info["path"]
        self.tokens.add(request.headers.get(HEADER))
        if pod in self.silent:
            return web.json_response({"errors": ["no Envoy answers"]}, status=502)
        self.asked.append((pod, path))
        if request.method == "POST":
            if self.refuses:
                return web.json_response({"errors": self.refuses}, status=409)
            self.orders.append((pod, path, await request.json()))
            return web.json_response({"processes": 1})
        if path == "usage":
            told = {"app": USED, "proxy": PROXY_USED, "frozen": [], "began": 1.0}
            return web.json_response({**told, **self.usage.get(pod, {})})
        if path == "frozen":
            return web.json_response({"frozen": self.usage.get(pod, {}).get("frozen", [])})
        if path == "proxy/stats":
            return web.Response(text=self.stats.get(pod, ""))
        if path == "proxy/clusters":
            return web.Response(text=self._clusters(request.match_info["namespace"]))
        if path == "proxy/server_info":
            return web.Response(text=json.dumps({"command_line_options": {"file_flush_interval": "0.010s"}}))
        return web.Response(status=404)

    def _clusters(self, namespace: str) -> str:
        """What Envoy would say: a new cluster, which knows no ejected host, as soon as a rule is gone."""
        rules = [
            one
            for path, one in self._cluster.objects.items()
            if "/destinationrules/" in path and "outlierDetection" in json.dumps(one["spec"])
        ]
        if not rules:
            self.returned()
        names = [f"outbound|8080||{one['spec']['host']}.{namespace}.svc.cluster.local" for one in rules]
        lines = [f"{name}::outlier::success_rate_average::-1\n" for name in names]
        return "".join([*lines, "outbound|80||far.elsewhere.svc.cluster.local::outlier::x::-1\n"])
