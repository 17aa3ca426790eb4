"""An API server small enough for a unit test: real HTTP, objects in memory, and controllers that act at once."""

from __future__ import annotations

import asyncio
import copy
import json
import re
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
OBJECT = 3
"""The parts of a single object's path behind `/namespaces/`: where it is, its kind, and its name."""


class FakeCluster:
    """A cluster with one node and, unless it is told otherwise, an Istio that injects.

    `trouble` changes each pod before it is listed; `forbidden` are methods and ends of paths that nobody may use;
    `refused` are names of objects that a webhook refuses; `pods` answers what is asked of a pod by its proxy; `gone`
    are pods that are listed and, a moment later, have no log any more. What was asked is kept: `asked` as METHOD PATH,
    `reviews` as group, resource and verb, `logs` with their queries.
    What is deleted is still found `lingers` times. `busy`: by method and end of a path, the statuses that the next such
    requests get in place of an answer (0: the connection is lost); `retry_after` goes with them.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.asked: list[str] = []
        self.reviews: list[tuple[str, str, str]] = []
        self.logs: list[tuple[str, dict[str, str]]] = []
        self.istio: str | None = "1.30.1"
        self.injection = True
        self.trouble: Callable[[Object], None] = lambda _pod: None
        self.forbidden: set[tuple[str, str]] = set()
        self.refused: set[str] = set()
        self.pods: Callable[[web.Request, str], web.Response] = _nobody
        self.quota: str | None = None
        self.log = ""
        self.gone: set[str] = set()
        self.finalizes = True
        self.lingers = 0
        self.busy: dict[tuple[str, str], list[int]] = {}
        self.retry_after = ""
        self._made: dict[tuple[str, str], int] = {}
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
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized", "Unauthorized")
        if any(method == one and path.endswith(end) for one, end in self.forbidden):
            return _status(403, "Forbidden", f'{path} is forbidden: User "u" cannot {method}')
        for (which, end), statuses in self.busy.items():
            if statuses and method == which and path.endswith(end):
                return self._too_busy(request, statuses.pop(0))
        proxied = re.search("/pods/([^/]+)/proxy/", path)
        if proxied:
            request["body"] = await request.text()
            return self.pods(request, proxied[1])
        body = json.loads(await request.text() or "null")
        if path.endswith("selfsubjectaccessreviews"):
            wanted = body["spec"]["resourceAttributes"]
            what = "/".join(filter(None, (wanted["resource"], wanted.get("subresource"))))
            self.reviews.append((wanted["group"], what, wanted["verb"]))
            allowed = not any(end.endswith(wanted["resource"]) for _, end in self.forbidden)
            return web.json_response({"status": {"allowed": allowed}}, status=201)
        if path == "/version":
            return web.json_response({"gitVersion": "v1.34.4"})
        if path == "/apis/networking.istio.io":
            return web.json_response({}) if self.istio else _status(404, "NotFound", "the server has no such resource")
        if path.endswith("/proxy/version"):
            return web.Response(text=str(self.istio))
        if path.endswith("/log"):
            self.logs.append((path.split("/")[-2], dict(request.query)))
            if path.split("/")[-2] in self.gone:
                return _status(404, "NotFound", f'pods "{path.split("/")[-2]}" not found')
            if self.log:
                return web.Response(text=self.log)
            return web.Response(text=f"log of {path.split('/')[-2]} {request.query['container']}\n")
        namespace = re.match(r"(?:/apis/[^/]+/[^/]+|/api/v1)/namespaces/([^/]+)/", path)
        if method in ("POST", "PATCH") and namespace and f"{NAMESPACES}/{namespace[1]}" not in self.objects:
            return _status(404, "NotFound", f'namespaces "{namespace[1]}" not found')
        answer: Callable[..., web.Response] = getattr(self, f"_{method.lower()}")
        return answer(path, body, request.query, request.content_type)

    def _too_busy(self, request: web.Request, status: int) -> web.Response:
        if not status and request.transport is not None:
            request.transport.close()
        said = _status(status or 500, "", f"{status}: too much to do")
        if self.retry_after:
            said.headers["Retry-After"] = self.retry_after
        return said

    def _get(self, path: str, _body: Object, query: Any, _kind: str) -> web.Response:
        if path in self.objects:
            return web.json_response(self.objects[path])
        if "istio.io" in path and not self.istio:
            return _status(404, "NotFound", "the server could not find the requested resource")
        if path.rpartition("/")[0].endswith("/namespaces"):
            return _status(404, "NotFound", f'namespaces "{path.rpartition("/")[2]}" not found')
        if len(path.partition("/namespaces/")[2].split("/")) == OBJECT:
            if self.lingers:
                self.lingers -= 1
                return web.json_response({"metadata": {"deletionTimestamp": "2026-11-26T10:00:00Z"}})
            return _status(404, "NotFound", f"{path} not found")
        if re.search(r"/namespaces/[^/]+/[^/]+/[^/]+$", path):
            return _status(404, "NotFound", f"{path} not found")
        labels = dict(part.split("=") for part in query.get("labelSelector", "").split(",") if part)
        items = [
            one
            for name, one in self.objects.items()
            if name.rpartition("/")[0] == path and labels.items() <= one["metadata"].get("labels", {}).items()
        ]
        return web.json_response({"items": items})

    def _post(self, path: str, body: Object, query: Any, _kind: str) -> web.Response:
        if query.get("dryRun"):
            made = copy.deepcopy(body)
            self._inject(made)
            return web.json_response(made, status=201)
        return web.json_response(self._put(path, body), status=201)

    def _patch(self, path: str, body: Object, query: Any, kind: str) -> web.Response:
        folder, _, name = path.rpartition("/")
        if name == "scale":
            deployment = self.objects[folder]
            deployment["spec"]["replicas"] = body["spec"]["replicas"]
            self._control(deployment)
            return web.json_response({})
        assert query["fieldManager"] == "goaround"
        if kind == "application/merge-patch+json":
            return self._merge(path, body)
        if name in self.refused:
            return _status(400, "BadRequest", f'admission webhook "validation.istio.io" denied {name}')
        if query.get("dryRun"):
            return web.json_response(body)
        made = self._put(folder, body)
        if made["kind"] == "Deployment":
            self._control(made)
        return web.json_response(made)

    def _merge(self, path: str, body: Object) -> web.Response:
        if path not in self.objects:
            return _status(404, "NotFound", f"{path} not found")
        before = copy.deepcopy(self.objects[path])
        self.objects[path] = made = merged(self.objects[path], body)
        if made["kind"] == "Deployment" and made["spec"]["template"] != before["spec"]["template"]:
            self._end_pods(made)
            self._control(made)
        return web.json_response(made)

    def _delete(self, path: str, body: Object, _query: Any, _kind: str) -> web.Response:
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
        gone = self.objects[path]
        within = [one for one in self.objects if inside in one] if gone["kind"] == "Namespace" else []
        for each in [path, *within]:
            del self.objects[each]
        if gone["kind"] == "Pod":
            folder = path.partition("/pods/")[0].replace("/api/v1", "/apis/apps/v1")
            if deployment := self.objects.get(f"{folder}/deployments/{name.rsplit('-', 2)[0]}"):
                self._control(deployment)  # nobody makes another in place of a pod that is nobody's
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
        """Do what the controllers and the kubelet would: as many pods as a deployment wants, ready at once."""
        namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        folder = f"{NAMESPACES}/{namespace}/pods"
        replicas = deployment["spec"]["replicas"]
        if self.quota:
            failed = {"type": "ReplicaFailure", "status": "True", "message": self.quota}
            deployment["status"] = {"observedGeneration": 1, "conditions": [failed]}
            return
        there = self._pods_of(deployment)
        for path in there[replicas:]:
            del self.objects[path]
        template = deployment["spec"]["template"]
        for _ in range(replicas - len(there)):
            pod = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(template)}
            number = self._made.get((namespace, name), 0)
            self._made[namespace, name] = number + 1
            pod["metadata"] |= {"name": f"{name}-0-{number}", "namespace": namespace}
            self._inject(pod)
            pod["status"] = {
                "phase": "Running",
                "podIP": f"10.0.0.{next(self._numbers)}",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [_running(one) for one in pod["spec"]["containers"]],
                "initContainerStatuses": [_running(one) for one in pod["spec"].get("initContainers", ())],
            }
            self.trouble(pod)
            self._put(folder, pod)
        all_of_them = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), replicas)
        deployment["status"] = {"observedGeneration": 1, **all_of_them}

    def _pods_of(self, deployment: Object) -> list[str]:
        namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        return [one for one in self.objects if one.startswith(f"{NAMESPACES}/{namespace}/pods/{name}-0-")]

    def _end_pods(self, deployment: Object) -> None:
        for path in self._pods_of(deployment):
            del self.objects[path]

    def _inject(self, pod: Object) -> None:
        if self.istio and self.injection and pod["metadata"]["labels"].get("sidecar.istio.io/inject") == "true":
            pod["spec"]["initContainers"] = [{"name": "istio-proxy", "image": "istio", "restartPolicy": "Always"}]


def merged(there: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    both = dict(there) if isinstance(there, dict) else {}
    for name, value in patch.items():
        both[name] = merged(both.get(name), value)
    return {name: value for name, value in both.items() if value is not None}


def _running(container: Object) -> Object:
    return {
        "name": container["name"],
        "image": container["image"],
        "restartCount": 0,
        "started": True,
        "state": {"running": {}},
    }


def _nobody(_request: web.Request, _pod: str) -> web.Response:
    return _status(503, "ServiceUnavailable", "error trying to reach service: connection refused")


def _status(code: int, reason: str, message: str) -> web.Response:
    return web.json_response(
        {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message}, status=code
    )
