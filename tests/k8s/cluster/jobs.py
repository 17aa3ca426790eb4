"""The fake cluster with a controller for Jobs, and an API server that passes requests on to their pods."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web

from tests.k8s.cluster.fake import NAMESPACES, FakeCluster, Object

Ready = Callable[[int], None]
Program = Callable[[Object, Ready], Awaitable[int]]
"""What a Job's container runs: given the Job, and whom to tell its port once it answers; gives its exit code."""
GIB = 2**30


class JobCluster(FakeCluster):
    """Runs `program` for each Job that is made, until it ends or its namespace is deleted.

    `written` are all objects that were made or replaced, as they were sent.
    `broken` is how many requests to pods fail yet, as they do when a connection to the API server is lost.
    """

    def __init__(self, program: Program | None = None) -> None:
        self.written: list[Object] = []
        super().__init__()
        self.program = program
        self.broken = 0
        self.running: dict[str, asyncio.Task[None]] = {}
        self.ports: dict[str, int] = {}
        self.merged: list[tuple[str, Object]] = []

    def __enter__(self) -> JobCluster:
        super().__enter__()
        return self

    def node(self, *images: str, pods: int = 110) -> None:
        """Add a node that holds these images."""
        resources = {"cpu": "8", "memory": f"{24 * GIB // 1024}Ki", "pods": str(pods)}
        self.objects["/api/v1/nodes/lab"] = {
            "kind": "Node",
            "metadata": {"name": "lab", "uid": "node"},
            "status": {
                "capacity": resources,
                "allocatable": resources,
                "nodeInfo": {"kernelVersion": "6.18", "architecture": "amd64"},
                "images": [{"names": [f"docker.io/library/{image}"]} for image in images],
            },
        }

    def pod_of(self, namespace: str) -> Object:
        """The pod of the Job in a namespace."""
        return next(one for one in self.of_kind("pods", namespace) if one["metadata"]["name"].startswith("bench-"))

    def end(self, namespace: str, reason: str, code: int) -> None:
        """End the Job's pod as a kubelet would tell it."""
        pod = self.pod_of(namespace)
        stopped = {"name": "bench", "image": "", "state": {"terminated": {"reason": reason, "exitCode": code}}}
        pod["status"] = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [stopped]}
        self.ports.pop(pod["metadata"]["name"], None)

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.path
        if f"{NAMESPACES}/" in path and ":8080/proxy/" in path:
            return await self._pass_on(request)
        folder = path.rpartition("/")[0]
        if request.method == "GET" and folder.rpartition("/")[2] in ("secrets", "jobs") and path not in self.objects:
            said = {"kind": "Status", "reason": "NotFound", "message": f"{path} not found"}
            return web.json_response(said, status=404)
        return await super()._answer(request)

    async def _pass_on(self, request: web.Request) -> web.Response:
        where, _, rest = request.path.partition(":8080/proxy/")
        port = self.ports.get(where.rpartition("/")[2])
        if self.broken or port is None:
            self.broken = max(0, self.broken - 1)
            said = {"kind": "Status", "reason": "ServiceUnavailable", "message": "error trying to reach service"}
            return web.json_response(said, status=503)
        headers = {name: value for name, value in request.headers.items() if name.lower().startswith("x-goaround")}
        url = f"http://127.0.0.1:{port}/{rest}"
        async with (
            aiohttp.ClientSession() as http,
            http.request(request.method, url, params=request.query, headers=headers) as answer,
        ):
            return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)

    def _merge(self, path: str, body: Object) -> web.Response:
        self.merged.append((path, body))
        answer = super()._merge(path, body)
        if path in self.objects and "replicas" in body.get("spec", {}):
            self._control(self.objects[path])
        return answer

    def _put(self, folder: str, body: Object) -> Object:
        self.written.append(body)
        made = super()._put(folder, body)
        if made.get("kind") == "Job" and self.program is not None:
            self._start(made)
        return made

    def _delete(self, path: str, body: Object, query: Any, kind: str) -> web.Response:
        answer = super()._delete(path, body, query, kind)
        for each in [one for one in self.running if one not in self.objects]:
            self.running.pop(each).cancel()
        return answer

    def _start(self, job: Object) -> None:
        namespace = job["metadata"]["namespace"]
        pod = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(job["spec"]["template"])}
        pod["metadata"] |= {"name": "bench-0", "namespace": namespace}
        pod["status"] = {"phase": "Pending", "conditions": [], "containerStatuses": []}
        self.trouble(pod)
        made = super()._put(f"{NAMESPACES}/{namespace}/pods", pod)
        if not made["status"]["containerStatuses"]:
            path = f"{NAMESPACES}/{namespace}/pods/bench-0"
            self.running[path] = asyncio.get_running_loop().create_task(self._run(path, job, made))

    async def _run(self, path: str, job: Object, pod: Object) -> None:
        def ready(port: int) -> None:
            self.ports["bench-0"] = port
            pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}

        assert self.program is not None
        code = await self.program(job, ready)
        if path in self.objects:
            self.end(job["metadata"]["namespace"], "Completed" if not code else "Error", code)


def variables(job: Object) -> dict[str, str]:
    """What a Job's container is told, but for secrets."""
    [container] = job["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


def worlds_of(job: Object) -> dict[str, str]:
    found: dict[str, str] = json.loads(variables(job)["WORLDS"])
    return found
