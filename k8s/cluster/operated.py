"""Operating a world that runs in a namespace of a cluster: status, replicas, Istio objects, logs, and its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from typing import Any

from istio.objects.parse import KINDS
from k8s.cluster.api import NAMESPACES, Api, ApiError, folder, path_of
from k8s.cluster.control import ADMIN_PORT, APP_PORT, HEADER, WARDEN_PORT
from k8s.cluster.deletion import gone
from k8s.cluster.objects import BEGINNING, MODE, bare, beginning
from k8s.cluster.reach import Reach, joined
from k8s.cluster.readiness import (
    APP,
    PROXY,
    Obstacle,
    condition,
    containers,
    crashing,
    deployment_of,
    has_ended,
    has_sidecar,
    is_ready,
    obstacles,
    reason,
)
from k8s.cluster.wardens import UNTOLD, Told, Wardens, read_usage
from k8s.local.models import SCALE
from k8s.target import Beginning, Document, Pod, TargetError, WorldStatus

ENVOY_PORT = 15000
"""Of the sidecar's administration, on the pod's own loopback."""
POLL_S = 1.0
READY_S = 300.0
DOWN_S = 300.0
STILL_STARTING = ("it is starting", "Startup probe failed")
# What a namespace says of itself while it is deleted; its other words are of the deletion's inner steps.
STILL_THERE = ("NamespaceContentRemaining", "NamespaceFinalizersRemaining", "NamespaceDeletionDiscoveryFailure")
OF_THE_APPLICATION = "project=airport"
Say = Callable[[str], None]


def quiet(_line: str) -> None:
    """Say nothing of what goes on."""


@dataclass(eq=False, repr=False)
class OperatedNamespace:
    """One world: the namespace `name`, as it was when it was found.

    `_reach` is how we come to the ports of its pods, and `_token` what its fault control asks for; None where there is
    none.
    """

    _api: Api
    namespace: InitVar[Mapping[str, Any]]
    _say: Say = quiet
    _reach: Reach | None = None
    _token: str | None = None
    name: str = field(init=False)
    mode: str = field(init=False)
    _uid: str = field(init=False)

    def __post_init__(self, namespace: Mapping[str, Any]) -> None:
        metadata = namespace["metadata"]
        self.name, self.mode, self._uid = metadata["name"], metadata["labels"].get(MODE, ""), metadata["uid"]

    @property
    def headers(self) -> Mapping[str, str]:
        """The token; nothing where the world has none."""
        return {HEADER: self._token} if self._token else {}

    async def status(self) -> WorldStatus:
        """List the pods, in name order.

        Who cannot reach them is given their addresses inside the cluster, and not told what they use. Neither is what
        the pods of a world without wardens use.
        """
        pods, events = await asyncio.gather(self._pods(), self._list("v1", "Event"))
        notes = [] if self._reach else ["addresses are those inside the cluster"]
        told: Mapping[str, Told] = {}
        if (wardens := self._wardens()) is not None:
            answers = await wardens.ask(pods, "usage")
            told = {pod: read_usage(text) for pod, text in answers.said.items()}
            notes += [f"the warden of {pod} does not answer: {why}" for pod, why in answers.silent.items()]
        found = tuple(self._pod(one, events, told.get(one["metadata"]["name"], UNTOLD)) for one in pods)
        return WorldStatus(self.name, self.mode, found, tuple(notes))

    async def beginning(self) -> Beginning:
        """Say what the world was when it started."""
        path = f"{folder('v1', 'ConfigMap', self.name)}/{BEGINNING}"
        found = await asyncio.to_thread(self._api.find, path)
        if found is None:
            raise TargetError(
                f"world {self.name} does not say what it began with (no ConfigMap {BEGINNING}): start it again"
            )
        return beginning(found)

    async def wait_ready(self, within_s: float = READY_S) -> None:
        """Wait until every deployment has all its pods ready, and no pod of before is left.

        Raises TargetError naming what is not ready and why: at once where waiting is of no use, else after `within_s`.
        """
        await self._settle((), within_s)

    async def _settle(self, but: Collection[str], within_s: float = READY_S) -> None:
        """Wait until all is ready, whatever becomes of the pods in `but`, which are going to be replaced."""
        deadline, told = time.monotonic() + within_s, ""
        while True:
            deployments, listed, events = await asyncio.gather(
                self._deployments(), self._list("v1", "Pod"), self._list("v1", "Event")
            )
            leaving = [one for one in listed if one["metadata"]["name"] in but and not has_ended(one)]
            staying = [one for one in listed if one["metadata"]["name"] not in but]
            pods = _in_place(staying)
            wanted = sum(int(one["spec"]["replicas"]) for one in deployments) - len(leaving)
            theirs = {deployment_of(one["metadata"]["name"]) for one in leaving}
            ready = sum(map(is_ready, pods))
            found = list(obstacles(deployments, staying, events))
            # a deployment with a pod that fails never says that all of its pods are ready: they are counted instead
            settled = all(_rolled_out(one) for one in deployments if one["metadata"]["name"] not in theirs)
            settled = settled and not any(map(is_ending, pods))
            if not found and settled and len(pods) == ready == wanted:
                self._say(f"{ready} of {wanted} pods are ready")
                return
            if hopeless := [one for one in found if one.fatal]:
                raise TargetError([*_each_once(hopeless), *await self._last_lines(pods)])
            if time.monotonic() > deadline:
                late = found or [Obstacle(f"world {self.name}", f"only {ready} of {wanted} pods are ready", False)]
                first = f"not ready after {within_s:g} s:"
                raise TargetError([first, *_each_once(late), *await self._last_lines(pods)])
            line = _progress(ready, wanted, found)
            if line != told:
                self._say(line)
                told = line
            await asyncio.sleep(POLL_S)

    async def scale(self, deployment: str, replicas: int) -> None:
        """Set a deployment's replicas; returns when the new ones are ready and the old ones are gone."""
        found = await self._deployment(deployment)
        if (found["metadata"].get("annotations") or {}).get(SCALE) == "never":
            raise TargetError(f"{deployment} keeps state that a second copy would not have; it is not scaled")
        path = f"{path_of(found)}/scale"
        await asyncio.to_thread(self._api.merge, path, {"spec": {"replicas": replicas}})
        await self.wait_ready()

    async def apply(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Create or replace Istio objects; returns when the cluster has accepted all. One is refused: none is applied.

        Sidecars follow as istiod tells them, within seconds; the API server does not say when they have.
        """
        await asyncio.to_thread(self._apply, objects)

    async def delete(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Delete Istio objects by kind and name; returns when the cluster does not have them any more."""
        self._refuse_strangers(objects)
        for one in objects:
            await asyncio.to_thread(self._api.delete, path_of(one))
        for one in objects:
            await gone(self._api, path_of(one))

    async def get(self) -> list[Document]:
        """List the Istio objects in this namespace, by kind and name; empty where the cluster has no Istio."""
        found: list[Document] = []
        for kind, (_, versions) in sorted(KINDS.items()):
            try:
                listed = await self._list(versions[0], kind, all_of_them=True)
            except ApiError as error:
                if error.status == 404:
                    continue
                raise
            found += [bare(one, versions[0], kind) for one in listed]
        return sorted(found, key=lambda one: (one["kind"], one["metadata"]["name"]))

    async def log(self, pod: str, container: str = "app") -> str:
        """What a container (`app` or `proxy`) has logged. Raises TargetError for one that is not there."""
        return await self._log(pod, container)

    async def down(self) -> None:
        """Delete the namespace with all that is in it; returns when it is gone. One that is gone already stays so.

        Everything that `up` makes is in the namespace, and the namespace is only taken where `up` made it.
        """
        path = f"{NAMESPACES}/{self.name}"
        try:
            await asyncio.to_thread(self._api.delete, path, self._uid)
        except ApiError as error:
            if error.status not in (404, 409):  # gone, or another of the same name by now
                raise
        deadline, told = time.monotonic() + DOWN_S, ""
        while (left := await asyncio.to_thread(self._left, path)) is not None:
            if time.monotonic() > deadline:
                raise TargetError(f"namespace {self.name} is not gone after {DOWN_S:g} s: {left}")
            if left != told:
                self._say(f"ending {self.name}: {left}")
                told = left
            await asyncio.sleep(POLL_S)

    async def _log(self, pod: str, container: str, **query: str) -> str:
        path = f"{folder('v1', 'Pod', self.name)}/{pod}/log"
        name = {"app": APP, "proxy": PROXY}[container]
        return await asyncio.to_thread(lambda: self._api.text(path, container=name, **query))

    async def _last_lines(self, pods: Sequence[Mapping[str, Any]]) -> list[str]:
        """The last words of containers that end again and again, which are gone with the world; the same ones once."""
        said: dict[str, str] = {}
        for pod in pods:
            container = crashing(pod)
            if container:
                path = f"{folder('v1', 'Pod', self.name)}/{pod['metadata']['name']}/log"
                try:
                    text = await asyncio.to_thread(self._api.text, path, container=container, previous="true")
                except ApiError:
                    continue  # it has been cleared away meanwhile
                line = next((one for one in reversed(text.splitlines()) if one.strip()), "")
                said.setdefault(line, f"pod {pod['metadata']['name']} said: {line}")
        return [line for words, line in said.items() if words]

    def _apply(self, objects: Sequence[Mapping[str, Any]]) -> None:
        self._refuse_strangers(objects)
        errors = []
        for one in objects:
            try:
                self._api.apply(one, dry_run=True)
            except ApiError as error:
                errors.append(f"{one['kind']} {one['metadata']['name']}: {error}")
        if errors:
            raise TargetError(errors)
        for one in objects:
            self._api.apply(one)

    def _refuse_strangers(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Raise TargetError for objects of other namespaces: a world is one namespace, and ends with it."""
        errors = []
        for one in objects:
            namespace = one["metadata"].get("namespace", "default")
            if namespace != self.name:
                where = f"{one.get('kind')} {one['metadata']['name']}: metadata.namespace: {namespace!r}"
                errors.append(f"{where} is not this world's; it must be {self.name!r}")
            elif one.get("kind") not in KINDS:
                errors.append(f"kind {one.get('kind')!r}: must be one of {', '.join(KINDS)}")
        if errors:
            raise TargetError(errors)

    def _left(self, path: str) -> str | None:
        """What of the namespace is still there; None when it is gone."""
        namespace = self._api.find(path)
        if namespace is None or namespace["metadata"]["uid"] != self._uid:
            return None
        why = [condition(namespace, kind, "True") for kind in STILL_THERE]
        return "; ".join(filter(None, why)) or "the cluster is deleting what is in it"

    async def _pods(self) -> list[Document]:
        """The pods as the API server has them, in name order, without those that are over for good."""
        return _in_place(await self._list("v1", "Pod"))

    async def _deployments(self) -> list[Document]:
        """The deployments as the API server has them; a list leaves out what all of its members are."""
        found = await self._list("apps/v1", "Deployment")
        return [{**one, "apiVersion": "apps/v1", "kind": "Deployment"} for one in found]

    async def _deployment(self, name: str) -> Document:
        """The deployment of this name. Raises TargetError with the choices."""
        found = {one["metadata"]["name"]: one for one in await self._deployments()}
        if name not in found:
            raise TargetError(f"no deployment {name!r}; choose from: {', '.join(sorted(found))}")
        return found[name]

    def _wardens(self) -> Wardens | None:
        """The wardens of this world, where it has any and we can reach them."""
        return Wardens(self.name, self._reach, self.headers) if self._reach and self._token else None

    def _address(self, pod: Mapping[str, Any], port: int) -> str:
        ip = (pod.get("status") or {}).get("podIP") or "none"
        return self._reach.address(self.name, pod["metadata"]["name"], ip, port) if self._reach else joined(ip, port)

    def _pod(self, one: Mapping[str, Any], events: Sequence[Mapping[str, Any]], told: Told) -> Pod:
        metadata, status = one["metadata"], one.get("status") or {}
        labels = metadata["labels"]
        created = datetime.fromisoformat(metadata["creationTimestamp"])
        injected, found = has_sidecar(one), reason(one, events)
        app = self._address(one, APP_PORT)
        envoy = f"{self._address(one, WARDEN_PORT)}/proxy" if self._wardens() else self._address(one, ENVOY_PORT)
        return Pod(
            name=metadata["name"],
            service=labels["app"],
            version=labels["version"],
            phase="CrashLoopBackOff" if crashing(one) else str(status.get("phase", "Pending")),
            ready=found is None,
            restarts=sum(int(each.get("restartCount", 0)) for each in containers(one)),
            age_s=(datetime.now(UTC) - created).total_seconds(),
            reason=found[0] if found else "",
            entry=app,
            app=app,
            admin=self._address(one, ADMIN_PORT),
            proxy_admin=envoy if injected else None,
            app_usage=told.usage.app,
            proxy_usage=told.usage.proxy if injected else None,
            deployment=deployment_of(metadata["name"]),
            frozen=told.frozen,
        )

    async def _list(self, version: str, kind: str, *, all_of_them: bool = False) -> list[Document]:
        query = {} if all_of_them or kind == "Event" else {"labelSelector": OF_THE_APPLICATION}
        answer = await asyncio.to_thread(self._api.get, folder(version, kind, self.name), **query)
        return list(answer["items"])


def _in_place(pods: Sequence[Document]) -> list[Document]:
    """Those pods that have not ended, in name order."""
    return sorted((one for one in pods if not has_ended(one)), key=lambda one: str(one["metadata"]["name"]))


def _rolled_out(deployment: Mapping[str, Any]) -> bool:
    """Whether the controller has seen the newest wish, and fulfilled it."""
    status, wanted = deployment.get("status") or {}, int(deployment["spec"]["replicas"])
    seen = int(status.get("observedGeneration", 0)) >= int(deployment["metadata"]["generation"])
    ready, updated = int(status.get("readyReplicas", 0)), int(status.get("updatedReplicas", 0))
    return seen and ready == updated == int(status.get("replicas", 0)) == wanted


def _progress(ready: int, wanted: int, found: Sequence[Obstacle]) -> str:
    """How far it is, and what holds the others up; that one is still starting goes without saying."""
    line = f"{ready} of {wanted} pods are ready"
    whys = dict.fromkeys(one.why for one in found if not one.why.startswith(STILL_STARTING))
    return f"{line}; {'; '.join(whys)}" if whys else line


def _each_once(found: Sequence[Obstacle]) -> list[str]:
    """A line for each cause, with all whom it keeps back."""
    by_cause: dict[str, list[str]] = {}
    for one in found:
        by_cause.setdefault(one.why, []).append(one.what)
    return [f"{', '.join(who)}: {why}" for why, who in by_cause.items()]


def is_ending(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is being deleted."""
    return bool(pod["metadata"].get("deletionTimestamp"))
