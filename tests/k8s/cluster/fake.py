"""An API server small enough for a unit test: real HTTP, objects in memory, and controllers that act at once."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

Object = dict[str, Any]
TOKEN = "let-me-in"  # noqa: S105 - of a server that lives for one test
NAMESPACES = "/api/v1/namespaces"


class FakeCluster:
    """A cluster with one node and, unless it is told otherwise, an Istio that injects.

    `trouble` changes each pod before it is listed; `forbidden` are methods and ends of paths that nobody may use;
    `refused` are names of objects that a webhook refuses.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.asked: list[str] = []
        self.istio: str | None = "1.30.1"
        self.injection = True
        self.trouble: Callable[[Object], None] = lambda _pod: None
        self.forbidden: set[tuple[str, str]] = set()
        self.refused: set[str] = set()
        self.quota: str | None = None
        self.log = ""
        self.finalizes = True
        self._numbers = count(1)
        self._started = threading.Event()
        for name in ("default", "kube-system", "istio-system"):
            self._put(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def __enter__(self) -> FakeCluster:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def kubeconfig(self, folder: Path, *others: str, token: str = TOKEN) -> Path:
        """Write a kubeconfig whose current context is `fake`."""
        names = ("fake", *others)
        file = folder / "kubeconfig"
        said = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in names],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "u", "user": {"token": token}}],
        }
        file.write_text(yaml.safe_dump(said))
        return file

    def listing(self) -> set[str]:
        """The paths of all objects."""
        return set(self.objects)

    def of_kind(self, plural: str, namespace: str) -> list[Object]:
        return [one for path, one in self.objects.items() if f"/namespaces/{namespace}/{plural}/" in path]

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._started.set()
        await self._ended.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        path, method = request.path, request.method
        self.asked.append(f"{method} {path}")
        body = json.loads(await request.text() or "null")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized", "Unauthorized")
        if any(method == one and path.endswith(end) for one, end in self.forbidden):
            return _status(403, "Forbidden", f'{path} is forbidden: User "u" cannot {method}')
        if path.endswith("selfsubjectaccessreviews"):
            wanted = body["spec"]["resourceAttributes"]
            allowed = not any(end.endswith(wanted["resource"]) for _, end in self.forbidden)
            return web.json_response({"status": {"allowed": allowed}}, status=201)
        if path == "/version":
            return web.json_response({"gitVersion": "v1.34.4"})
        if path == "/apis/networking.istio.io":
            return web.json_response({}) if self.istio else _status(404, "NotFound", "the server has no such resource")
        if path.endswith("/proxy/version"):
            return web.Response(text=str(self.istio))
        if path.endswith("/log"):
            if self.log:
                return web.Response(text=self.log)
            return web.Response(text=f"log of {path.split('/')[-2]} {request.query['container']}\n")
        answer: Callable[..., web.Response] = getattr(self, f"_{method.lower()}")
        return answer(path, body, request.query)

    def _get(self, path: str, _body: Object, query: Any) -> web.Response:
        if path in self.objects:
            return web.json_response(self.objects[path])
        if "istio.io" in path and not self.istio:
            return _status(404, "NotFound", "the server could not find the requested resource")
        if path.rpartition("/")[0].endswith("/namespaces"):
            return _status(404, "NotFound", f'namespaces "{path.rpartition("/")[2]}" not found')
        labels = dict(part.split("=") for part in query.get("labelSelector", "").split(",") if part)
        items = [
            one
            for name, one in self.objects.items()
            if name.rpartition("/")[0] == path and labels.items() <= one["metadata"].get("labels", {}).items()
        ]
        return web.json_response({"items": items})

    def _post(self, path: str, body: Object, query: Any) -> web.Response:
        if query.get("dryRun"):
            made = copy.deepcopy(body)
            self._inject(made)
            return web.json_response(made, status=201)
        return web.json_response(self._put(path, body), status=201)

    def _patch(self, path: str, body: Object, query: Any) -> web.Response:
        folder, _, name = path.rpartition("/")
        if name == "scale":
            deployment = self.objects[folder]
            deployment["spec"]["replicas"] = body["spec"]["replicas"]
            self._control(deployment)
            return web.json_response({})
        assert query["fieldManager"] == "goaround"
        if name in self.refused:
            return _status(400, "BadRequest", f'admission webhook "validation.istio.io" denied {name}')
        if query.get("dryRun"):
            return web.json_response(body)
        made = self._put(folder, body)
        if made["kind"] == "Deployment":
            self._control(made)
        return web.json_response(made)

    def _delete(self, path: str, body: Object, _query: Any) -> web.Response:
        if path not in self.objects:
            return _status(404, "NotFound", f"{path} not found")
        uid = (body or {}).get("preconditions", {}).get("uid")
        if uid not in (None, self.objects[path]["metadata"]["uid"]):
            return _status(409, "Conflict", "the UID is another")
        if self.objects[path]["kind"] == "Namespace" and not self.finalizes:
            self.objects[path]["status"] = {
                "conditions": [
                    {"type": "NamespaceContentRemaining", "status": "True", "message": "Some remain: pods. has 3"},
                    {"type": "NamespaceFinalizersRemaining", "status": "False", "message": "All are finalized"},
                ]
            }
            return web.json_response({})
        name = path.rpartition("/")[2]
        inside = f"/namespaces/{name}/"
        for each in [path, *(one for one in self.objects if inside in one and path.startswith(NAMESPACES))]:
            del self.objects[each]
        return web.json_response({})

    def _put(self, folder: str, body: Object) -> Object:
        made = copy.deepcopy(body)
        path = f"{folder}/{made['metadata']['name']}"
        before = self.objects.get(path)
        made["metadata"] |= {
            "uid": before["metadata"]["uid"] if before else f"uid-{next(self._numbers)}",
            "creationTimestamp": "2026-11-26T10:00:00Z",
            "generation": 1,
            "managedFields": [{"manager": "goaround"}],
        }
        self.objects[path] = made
        return made

    def _control(self, deployment: Object) -> None:
        """Do what the controllers and the kubelet would: the pods of a deployment, ready at once."""
        namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        folder = f"{NAMESPACES}/{namespace}/pods"
        for path in [one for one in self.objects if one.startswith(f"{folder}/{name}-0-")]:
            del self.objects[path]
        replicas = deployment["spec"]["replicas"]
        if self.quota:
            failed = {"type": "ReplicaFailure", "status": "True", "message": self.quota}
            deployment["status"] = {"observedGeneration": 1, "conditions": [failed]}
            return
        template = deployment["spec"]["template"]
        for number in range(replicas):
            pod = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(template)}
            pod["metadata"] |= {"name": f"{name}-0-{number}", "namespace": namespace}
            self._inject(pod)
            pod["status"] = {
                "phase": "Running",
                "podIP": f"10.0.0.{next(self._numbers)}",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [
                    {"name": one["name"], "image": one["image"], "restartCount": 0, "state": {"running": {}}}
                    for one in pod["spec"]["containers"]
                ],
            }
            self.trouble(pod)
            self._put(folder, pod)
        deployment["status"] = {"observedGeneration": 1, "replicas": replicas, "readyReplicas": replicas}

    def _inject(self, pod: Object) -> None:
        if self.istio and self.injection and pod["metadata"]["labels"].get("sidecar.istio.io/inject") == "true":
            pod["spec"]["initContainers"] = [{"name": "istio-proxy", "image": "istio", "restartPolicy": "Always"}]


def _status(code: int, reason: str, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "reason": reason, "message": message}, status=code)
