"""The deployments of one world, their pods, and everything that follows when a pod's readiness changes."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from istio.discovery import DiscoveryServer
from istio.security import Authority
from k8s.local import discovery, manifests
from k8s.local.gateway import NAME, IngressGateway
from k8s.local.manifests import Manifests
from k8s.local.mesh import Mesh
from k8s.local.models import Deployment
from k8s.local.pod import Place, Pod, stop_all
from k8s.local.ports import PODS, Block
from k8s.local.process import Process
from k8s.local.readiness import Readiness
from k8s.target import KindUsage, MeshOptions, TargetError, Usage

# istiod waits this long for changes to come together (PILOT_DEBOUNCE_AFTER).
DEBOUNCE_S = 0.1
SCALE_DEADLINE_S = 60.0
_log = logging.getLogger(__name__)


class Workloads:
    """Runs the pods of a world. Made and used on one event loop."""

    def __init__(
        self,
        read: Manifests,
        block: Block,
        directory: Path,
        server: DiscoveryServer,
        seed: int,
        spawned: Callable[[Process], None],
        options: MeshOptions,
        authority: Authority | None = None,
    ) -> None:
        self._manifests, self._block, self._directory = read, block, directory
        self._seed, self._spawned = seed, spawned
        self._pods: dict[str, Pod] = {}
        self._slots: dict[str, int] = {}
        self._gone = Usage()
        self._scaling = asyncio.Lock()
        self._news = asyncio.Event()
        self._seen: object = None
        self._published = asyncio.Event()
        self._publisher: asyncio.Task[None] | None = None
        injected = any(deployment.injected for deployment in read.deployments.values())
        folder = directory / NAME
        self.gateway = IngressGateway(folder, block.gateway, spawned, self._changed) if options.gateway else None
        self.readiness = Readiness(self._pods.values, self._follow)
        self.mesh = (
            Mesh(read.services, self._pods.values, self.readiness, server, options, authority, self.gateway)
            if injected
            else None
        )
        self._authority = authority
        self._rotator: asyncio.Task[None] | None = None
        self._probed: dict[str, Deployment] = {}
        self._told: dict[str, asyncio.TimerHandle] = {}
        self._restarting: set[asyncio.Task[None]] = set()

    @property
    def pods(self) -> list[Pod]:
        """Every pod, in name order."""
        return [self._pods[name] for name in sorted(self._pods)]

    def all(self) -> list[Pod | IngressGateway]:
        """Everything that runs."""
        return [*self.pods, *([self.gateway] if self.gateway else ())]

    @property
    def settled(self) -> bool:
        """Whether everything is ready and everybody who sends to it knows."""
        return all(one.ready for one in self.all()) and self._published.is_set()

    def start(self, istio: Sequence[Mapping[str, Any]]) -> None:
        """Start all pods at once; raises TargetError when Istio objects are refused, and then nothing has started."""
        self._apply_before(istio)
        made = [
            self._make(deployment, index)
            for deployment in self._manifests.deployments.values()
            for index in range(deployment.spec.replicas)
        ]
        self._follow()
        for pod in made:
            pod.start()
        if self.gateway:
            self.gateway.start()
        self._publisher = asyncio.create_task(self._publish(), name="publisher")
        self._rotator = asyncio.create_task(self._rotate(), name="rotator")

    async def scale(self, name: str, replicas: int) -> None:
        """Set a deployment's replicas; returns when the new pods are ready and the old ones drained.

        What `restart` told the others is told the new ones, and for as long: a Deployment has one template.
        Raises TargetError: unknown deployment, a store, no room, or a pod that is not ready in time.
        """
        deployment = self._scalable(name, replicas)
        async with self._scaling:
            siblings = self._of(name)
            now = {pod.name for pod in siblings}
            wanted = {f"{name}-{index}": index for index in range(replicas)}
            fresh = [self._make(deployment, index) for pod, index in wanted.items() if pod not in now]
            self._follow()
            for pod in fresh:
                self._tell_as(siblings, pod)
                pod.start()
            await self._end([self._pods[pod] for pod in sorted(now - wanted.keys())])
            await self._until_ready(fresh)

    async def restart(self, name: str, env: Mapping[str, str], ttl_s: float) -> None:
        """Drain a pod's application and start it again; returns when it is ready and everybody knows.

        It is told `env` besides its manifest for `ttl_s` seconds, and then started again without it.
        Raises TargetError: unknown pod, or it is not ready in time.
        """
        pod = self.pod(name)
        self._cancel_forgetting(pod)
        if env:
            self._forget_at(pod, asyncio.get_running_loop().time() + ttl_s)
        await pod.restart(env)
        await self._until_ready([pod])

    def config(self, name: str) -> Mapping[str, str]:
        """Return the entries of a ConfigMap; raises TargetError with the choices."""
        maps = self._manifests.config_maps
        if name not in maps:
            raise TargetError(f"no ConfigMap {name!r}; choose from: {', '.join(sorted(maps))}")
        return maps[name].data

    def configure(self, name: str, entries: Mapping[str, str]) -> None:
        """Replace the entries of a ConfigMap, which pods mount when they start; raises TargetError with the choices."""
        self.config(name)
        maps = self._manifests.config_maps
        maps[name] = maps[name].model_copy(update={"data": dict(entries)})

    async def probe(self, name: str, probes: Mapping[str, Any]) -> None:
        """Give a deployment other probes, as a patch of its manifest, and start its pods again, one after the other.

        None at all: those of its manifest. Returns when all are ready and everybody knows.
        Raises TargetError: an unknown deployment, all that is wrong with the probes, or a pod is not ready in time.
        """
        deployment = manifests.probed(self._manifests, name, probes)
        self._probed[name] = deployment
        for pod in self._of(name):
            if pod.deployment != deployment:
                await pod.probe(deployment)
                await self._until_ready([pod])

    def _tell_as(self, siblings: Sequence[Pod], pod: Pod) -> None:
        """Tell a new pod what one of its siblings is told, and for as long."""
        if one := next((one for one in siblings if one.name in self._told), None):
            pod.told = dict(one.told)
            self._forget_at(pod, self._told[one.name].when())

    def _forget_at(self, pod: Pod, when: float) -> None:
        self._told[pod.name] = asyncio.get_running_loop().call_at(when, self._forget_told, pod)

    def _cancel_forgetting(self, pod: Pod) -> None:
        if timer := self._told.pop(pod.name, None):
            timer.cancel()

    def _forget_told(self, pod: Pod) -> None:
        self._told.pop(pod.name, None)
        if self._pods.get(pod.name) is pod:
            task = asyncio.create_task(pod.restart({}), name=f"restart {pod.name}")
            self._restarting.add(task)
            task.add_done_callback(self._restarting.discard)

    async def stop(self) -> None:
        """Drain and end every pod."""
        self.readiness.release()
        for timer in self._told.values():
            timer.cancel()
        for task in (self._publisher, self._rotator):
            if task:
                task.cancel()
        await stop_all(self.pods)
        if self.gateway:
            await self.gateway.stop()

    def pod(self, name: str) -> Pod:
        """Find a pod by name; raises TargetError with the choices."""
        if name not in self._pods:
            raise TargetError(f"no pod {name!r}; choose from: {', '.join(sorted(self._pods))}")
        return self._pods[name]

    def usage(self) -> Usage:
        """Add up what all pods have used, those that were scaled away included."""
        parts = [pod.usage() for pod in self._pods.values()]
        at_the_edge = [self.gateway.usage()] if self.gateway else []
        return Usage(
            _total([self._gone.app, *(app for app, _ in parts)]),
            _total([self._gone.proxy, *(proxy for _, proxy in parts), *at_the_edge]),
        )

    def required_mesh(self) -> Mesh:
        """Return the mesh; raises TargetError in a world without sidecars."""
        if self.mesh is None:
            raise TargetError("this world has no sidecars: Istio objects mean something in modes sidecar and mesh only")
        return self.mesh

    def _apply_before(self, istio: Sequence[Mapping[str, Any]]) -> None:
        if istio:
            self.required_mesh().add(istio)

    def _scalable(self, name: str, replicas: int) -> Deployment:
        deployment = self._manifests.deployments.get(name)
        if deployment is None:
            raise TargetError(f"no deployment {name!r}; choose from: {', '.join(sorted(self._manifests.deployments))}")
        if deployment.fixed:
            raise TargetError(f"{name} keeps state that a second copy would not have: it is not scaled")
        others = len(self._pods) - len(self._of(name))
        if not 0 <= replicas <= PODS - others:
            raise TargetError(f"replicas: {replicas}; a local world has room for 0 to {PODS - others} of {name}")
        return deployment

    def _of(self, deployment: str) -> list[Pod]:
        return [pod for pod in self._pods.values() if pod.deployment.metadata.name == deployment]

    def _make(self, deployment: Deployment, index: int) -> Pod:
        name = f"{deployment.metadata.name}-{index}"
        slot = next(slot for slot in range(PODS + 1) if slot not in self._slots.values())
        ports = self._block.pod(slot)
        directory = self._directory / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        place = Place(
            name, slot, directory, ports, self._manifests.config_maps, self._seed, self._spawned, self._changed
        )
        pod = Pod(self._probed.get(deployment.metadata.name, deployment), place)
        if deployment.injected and self.mesh:
            self.mesh.inject(pod)
        self._pods[name], self._slots[name] = pod, slot
        return pod

    async def _end(self, pods: list[Pod]) -> None:
        await stop_all(pods)
        for pod in pods:
            app, proxy = pod.usage()
            self._gone = Usage(_total([self._gone.app, app]), _total([self._gone.proxy, proxy]))
            del self._pods[pod.name], self._slots[pod.name]
            self._cancel_forgetting(pod)
            if self.mesh:
                self.mesh.forget(pod)
        self._changed()

    async def _until_ready(self, pods: list[Pod]) -> None:
        try:
            async with asyncio.timeout(SCALE_DEADLINE_S):
                while not (all(pod.ready for pod in pods) and self._published.is_set()):  # noqa: ASYNC110 - many conditions
                    await asyncio.sleep(0.02)
        except TimeoutError:
            late = [f"{pod.name} is not ready: {pod.view().reason}" for pod in pods if not pod.ready]
            raise TargetError(late or "the sidecars have not taken the new endpoints") from None

    def _changed(self) -> None:
        """Hear of a pod's news; only what changes endpoints is followed."""
        if self._endpoints() != self._seen:
            self._follow()

    @property
    def ailing(self) -> list[str]:
        """What the whole world suffers from now, by the kinds of faults."""
        found = ["stale-discovery"] if self.readiness.held else []
        found += ["config-withdrawn"] if self.mesh and self.mesh.withdrawn else []
        return [*found, "expired-certificate"] if self.mesh and self.mesh.certificates.expired else found

    def _follow(self) -> None:
        self._seen = self._endpoints()
        if self.readiness.held:
            self.readiness.withheld += 1
            return
        discovery.publish(self._manifests.services, self._pods.values())
        if self.mesh:
            self._published.clear()
            self._news.set()
        else:
            self._published.set()

    def _endpoints(self) -> object:
        return [(pod.name, pod.ready) for pod in self._pods.values()]

    async def _publish(self) -> None:
        while self.mesh:
            await self._news.wait()
            await asyncio.sleep(DEBOUNCE_S)
            self._news.clear()
            try:
                await self.mesh.publish()
            except TargetError as error:
                _log.error("not published: %s", error)
            if not self._news.is_set():
                self._published.set()

    async def _rotate(self) -> None:
        """Replace every certificate long before it ends."""
        while self.mesh and self._authority:
            await asyncio.sleep(self._authority.rotation.total_seconds())
            try:
                await self.mesh.certificates.rotate()
            except TargetError as error:
                _log.error("a certificate was not replaced: %s", error)


def _total(parts: Sequence[KindUsage]) -> KindUsage:
    pss = [part.pss for part in parts if part.pss is not None]
    return KindUsage(sum(part.cpu_s for part in parts), sum(part.rss for part in parts), sum(pss) if pss else None)
