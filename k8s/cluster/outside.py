"""A server outside the mesh: a pod without a sidecar in a world's namespace, which an ingress gateway may reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from k8s.cluster.api import Api, folder, path_of
from k8s.cluster.lent import lent
from k8s.cluster.objects import MANAGED_BY, OURS, WORLD
from k8s.cluster.readiness import is_ready, reason
from k8s.local.models import INJECT
from k8s.target import Document, TargetError

NAME = "weather"
PORT = 8080
READY_S, POLL_S = 60.0, 0.5
SERVER = """
import http.server
class Weather(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked", self.path, flush=True)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"sunny")
http.server.ThreadingHTTPServer(("", 8080), Weather).serve_forever()
"""
"""Answers every GET with `sunny`, and writes a line for each."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: `endpoint` is where, as a ServiceEntry says it."""

    endpoint: dict[str, Any]
    _api: Api
    _path: str

    async def asked(self) -> int:
        """How many calls it has answered, by its log."""
        said = await asyncio.to_thread(self._api.text, f"{self._path}/log")
        return sum(line.startswith("asked ") for line in said.splitlines())


@asynccontextmanager
async def serving(api: Api, namespace: str, image: str) -> AsyncIterator[Server]:
    """Start one of the application's own image, for the duration of a block.

    Raises TargetError when it is not ready in READY_S.
    """
    objects = server(namespace, image)
    async with lent(api, objects):
        path = path_of(objects[-1])
        pod = await _ready(api, path)
        yield Server({"address": pod["status"]["podIP"], "ports": {"http": PORT}}, api, path)


def server(namespace: str, image: str) -> list[Document]:
    """The objects of one: who may come to it, and its pod."""
    metadata = {
        "name": NAME,
        "namespace": namespace,
        "labels": {"app": NAME, INJECT: "false", MANAGED_BY: OURS, WORLD: namespace},
    }
    resources = {"cpu": "50m", "memory": "48Mi"}
    container = {
        "name": "server",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", SERVER],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    gateway = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"istio": "ingressgateway"}}}
    admitted = {
        "podSelector": {"matchLabels": {"app": NAME}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [gateway], "ports": [{"port": PORT}]}],
    }
    return [
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": dict(metadata), "spec": admitted},
        {"apiVersion": "v1", "kind": "Pod", "metadata": dict(metadata), "spec": spec},
    ]


async def _ready(api: Api, path: str) -> dict[str, Any]:
    pod: dict[str, Any] = {}
    try:
        async with asyncio.timeout(READY_S):
            while not is_ready(pod := await asyncio.to_thread(api.get, path)):  # noqa: ASYNC110 - it is asked each time
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        events = await asyncio.to_thread(api.get, folder("v1", "Event", pod["metadata"]["namespace"]))
        why = reason(pod, events["items"])
        raise TargetError(f"pod {NAME} is not ready after {READY_S:g} s: {why[0] if why else 'unknown'}") from None
    return pod
