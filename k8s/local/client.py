"""A handle on a running local world, through its supervisor's socket."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from istio.ejections import Ejection
from istio.sidecar import LOG_FLUSH_MS
from k8s.local import logs
from k8s.local.record import SPEC, WorldRecord
from k8s.target import Beginning, Document, Gateway, KindUsage, Pace, Pod, TargetError, Usage, WorldStatus

TIMEOUT_S = 90.0
DOWN_S = 20.0
READY_S = 60.0
PACE = Pace(look_s=0.1, restart_s=15.0)
"""A service takes less to start, on a busy machine too."""


class LocalWorld:
    """One local world; `process` is its supervisor where we started it, and attached worlds hang on its pipe."""

    pace: Pace = PACE

    def __init__(self, directory: Path, record: WorldRecord, process: subprocess.Popen[bytes] | None = None) -> None:
        self.directory, self.name, self.mode = directory, record.name, record.mode
        self._record, self._process = record, process

    @property
    def headers(self) -> Mapping[str, str]:
        """Nothing: admin ports of this machine listen for this machine only."""
        return {}

    async def status(self) -> WorldStatus:
        """List the pods."""
        answer = await self._call("status")
        pods, gateway = tuple(map(_pod, answer["pods"])), answer["gateway"]
        if gateway is not None:
            gateway = Gateway(**{**gateway, "usage": KindUsage(**gateway["usage"])})
        return WorldStatus(
            answer["name"], answer["mode"], pods, tuple(answer["notes"]), gateway, tuple(answer["ailing"])
        )

    async def look(self, pods: Collection[str]) -> list[Pod]:
        """List those of these pods that are there."""
        return [pod for pod in (await self.status()).pods if pod.name in pods]

    def beginning(self) -> Beginning:
        """Say what the world was when it started."""
        spec = json.loads((self.directory / SPEC).read_text())
        deployments = [one for one in spec["objects"] if one["kind"] == "Deployment"]
        replicas = {one["metadata"]["name"]: int(one["spec"].get("replicas", 1)) for one in deployments}
        namespace = next((one["metadata"].get("namespace", "default") for one in deployments), "default")
        return Beginning(namespace, spec["istio"], replicas)

    async def scale(self, deployment: str, replicas: int) -> None:
        """Set a deployment's replicas; returns when the new ones are ready and the old ones drained."""
        await self._call("scale", deployment=deployment, replicas=replicas)

    async def apply(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Create or replace Istio objects; returns when every sidecar has taken them."""
        await self._call("apply", objects=list(objects))

    async def delete(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Delete Istio objects by kind and name."""
        await self._call("delete", objects=list(objects))

    async def get(self) -> list[Document]:
        """List the Istio objects in effect."""
        answer = await self._call("get")
        objects: list[Document] = answer["objects"]
        return objects

    async def restart(self, pod: str, env: Mapping[str, str] | None = None, ttl_s: float = 0) -> None:
        """Drain a pod's application and start it again, told `env` for `ttl_s` seconds; returns when it is ready."""
        await self._call("restart", pod=pod, env=dict(env or {}), ttl_s=ttl_s)

    async def config(self, name: str) -> dict[str, str]:
        """Read a ConfigMap: its entries by file name."""
        answer = await self._call("config", name=name)
        entries: dict[str, str] = answer["entries"]
        return entries

    async def configure(self, name: str, entries: Mapping[str, str]) -> None:
        """Replace the entries of a ConfigMap; an application reads them when it is started again."""
        await self._call("configure", name=name, entries=dict(entries))

    async def probe(self, deployment: str, probes: Mapping[str, Any]) -> None:
        """Merge other probes into a deployment's, and start its pods again; none at all: those of its manifest."""
        await self._call("probe", deployment=deployment, probes=dict(probes))

    async def hold_discovery(self, ttl_s: float) -> None:
        """Tell nobody which pods are ready, for `ttl_s` seconds or until it is released."""
        await self._call("hold-discovery", ttl_s=ttl_s)

    async def release_discovery(self) -> int:
        """Tell everybody again; returns how many changes were withheld."""
        answer = await self._call("release-discovery")
        return int(answer["withheld"])

    async def withdraw(self, ttl_s: float) -> None:
        """Take every Istio object out of effect, for `ttl_s` seconds or until it is restored."""
        await self._call("withdraw", ttl_s=ttl_s)

    async def restore(self) -> None:
        """Put what was withdrawn into effect again."""
        await self._call("restore")

    async def expire(self, pod: str, ttl_s: float) -> None:
        """Give a pod's sidecar a certificate whose time is over, for `ttl_s` seconds; its callers connect anew."""
        await self._call("expire", pod=pod, ttl_s=ttl_s)

    async def renew(self) -> None:
        """Give good certificates to those whose time was over."""
        await self._call("renew")

    async def mend(self) -> None:
        """Do nothing: the supervisor ends by itself what has a time limit, and never holds back a restart."""

    async def kill(self, pod: str, container: str = "app", ttl_s: float = 0) -> None:
        """SIGKILL a container; its restart is held back for `ttl_s` seconds."""
        await self._call("kill", pod=pod, container=container, ttl_s=ttl_s)

    async def freeze(self, pod: str, container: str = "app", ttl_s: float = 1.0) -> None:
        """Stop a container's process for `ttl_s` seconds."""
        await self._call("freeze", pod=pod, container=container, ttl_s=ttl_s)

    async def thaw(self, pod: str, container: str = "app") -> None:
        """Let a frozen process go on."""
        await self._call("thaw", pod=pod, container=container)

    async def usage(self) -> Usage:
        """Cumulative CPU and present memory, children that ended included."""
        answer = await self._call("usage")
        return Usage(KindUsage(**answer["app"]), KindUsage(**answer["proxy"]))

    async def proxy_stats(self) -> dict[str, dict[str, int]]:
        """Envoy's numbers by pod."""
        answer: dict[str, dict[str, int]] = await self._call("proxy-stats")
        return answer

    async def ejections(self) -> dict[str, list[Ejection]]:
        """When which sidecar ejected whom, by pod."""
        answer: dict[str, list[dict[str, Any]]] = await self._call("ejections")
        return {pod: [Ejection(**one) for one in found] for pod, found in answer.items()}

    async def proxy_calls(self, request_ids: Collection[str], since: float) -> list[Document]:
        """What sidecars wrote of the calls of some requests since a time; waits until they have written it."""
        found = logs.of_pods(self.directory / "pods", ["proxy.log"])
        if not found:
            return []
        await asyncio.sleep(LOG_FLUSH_MS / 1000)
        return list(logs.calls(found, frozenset(request_ids), since))

    async def reset_mesh(self) -> None:
        """Forget every ejection."""
        await self._call("reset-mesh")

    async def wait_ready(self) -> None:
        """Wait until every pod is ready; raises TargetError saying which is not, why, and where its log is."""
        answer = await self._call("ready", timeout_s=READY_S)
        if answer["late"]:
            raise TargetError(
                [f"pod {pod} is not ready: {why}\n  log: {self.logs(pod)}" for pod, why in answer["late"].items()]
            )
        if not answer["settled"]:
            raise TargetError(f"the sidecars have not taken their configuration: {self.directory / 'supervisor.log'}")

    def logs(self, pod: str, container: str = "app") -> Path:
        """Return the file that a container logs to; raises TargetError for an unknown container."""
        files = {"app": "app.log", "proxy": "envoy/envoy.log"}
        if container not in files:
            raise TargetError(f"no container {container!r}; choose from: {', '.join(files)}")
        return self.directory / "pods" / pod / files[container]

    async def log(self, pod: str, container: str = "app") -> str:
        """What a container has logged so far."""
        return self.logs(pod, container).read_text(errors="replace")

    def call_logs(self) -> list[Path]:
        """Return the files into which applications and proxies write a line for each call, the gateway's included."""
        return logs.of_pods(self.directory / "pods")

    async def down(self) -> None:
        """Drain and end every pod; returns when the supervisor has ended. A world that is down already stays so."""
        if self._record.supervisor.find():
            try:
                await self._call("down")
            except TargetError:
                if self._record.supervisor.find():
                    raise
        deadline = asyncio.get_running_loop().time() + DOWN_S
        while self._record.supervisor.find():
            if asyncio.get_running_loop().time() > deadline:
                raise TargetError(
                    f"world {self.name} did not end in {DOWN_S:g} s: process {self._record.supervisor.pid}"
                )
            await asyncio.sleep(0.02)
        if self._process:
            self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()

    async def _call(self, what: str, **body: object) -> Any:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(self._record.socket), timeout=timeout) as session,
                session.post(f"http://supervisor/{what}", json=body) as answer,
            ):
                if answer.status not in (200, 400):
                    raise TargetError(f"world {self.name}: {what} failed: {self.directory / 'supervisor.log'}")
                content = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TargetError(f"world {self.name}: its supervisor does not answer: {error}") from error
        if answer.status == 400:
            raise TargetError(content["errors"])
        return content


def _pod(data: dict[str, Any]) -> Pod:
    proxy = data["proxy_usage"]
    usage = {"app_usage": KindUsage(**data["app_usage"]), "proxy_usage": KindUsage(**proxy) if proxy else None}
    return Pod(**{**data, **usage, "frozen": tuple(data["frozen"])})
