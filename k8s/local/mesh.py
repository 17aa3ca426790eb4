"""The mesh's control plane for one world: what istiod would send to every sidecar, whenever that changes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from istio.compile import ProxyConfig, compile_proxy
from istio.compile.versions import as_of
from istio.discovery import DiscoveryServer
from istio.envoy import NoEnvoy
from istio.localise import Unplaced
from istio.objects import Document, Key, Objects, Refused, parse
from istio.registry import Proxy, Registry
from istio.security import Authority
from istio.sidecar import Sidecar, SidecarPorts
from k8s.local.catalogue import TARGET_PORT, pod_object, registry
from k8s.local.certificates import Certificates
from k8s.local.container import Container
from k8s.local.endings import Endings
from k8s.local.gateway import HTTP, NAMESPACE, IngressGateway
from k8s.local.models import Service
from k8s.local.pod import Pod
from k8s.local.ports import HOST
from k8s.local.probes import Check, Checks
from k8s.local.process import Process
from k8s.local.readiness import Readiness
from k8s.local.sidecars import Sidecars
from k8s.target import MeshOptions, TargetError

# Istio's injection template: startup every second, readiness every 15 s, four failures.
READINESS = (15.0, 4)
STARTUP = (1.0, 30)


class Mesh:
    """Configures the sidecars of a world.

    `pods` gives all its pods, now, and `readiness` those that are told to be ready; Envoys ask `server`.
    With an `authority` they speak mutual TLS to each other, and plaintext without.
    """

    def __init__(
        self,
        services: Mapping[str, Service],
        pods: Callable[[], Iterable[Pod]],
        readiness: Readiness,
        server: DiscoveryServer,
        options: MeshOptions,
        authority: Authority | None = None,
        gateway: IngressGateway | None = None,
    ) -> None:
        self._options, self._authority, self._gateway = options, authority, gateway
        self._services, self._pods, self._readiness, self._server = services, pods, readiness, server
        self.sidecars = Sidecars()
        self.certificates = Certificates(self.sidecars, pods, mtls=authority is not None)
        self._documents: dict[Key, Mapping[str, Any]] = {}
        self._objects = Objects()
        self._withdrawn: dict[Key, Mapping[str, Any]] = {}
        self._until = 0.0
        self._endings = Endings()
        self._changing = asyncio.Lock()
        if gateway:
            self._configure(gateway)

    def inject(self, pod: Pod) -> None:
        """Give a pod that has not started its Envoy."""
        ports = pod.place.ports
        local = SidecarPorts(
            ports.proxy_admin,
            outbound={service.port.port: ports.outbound for service in self._services.values()},
            inbound={TARGET_PORT: ports.inbound},
            app={TARGET_PORT: ports.app},
        )
        identity = Registry.from_kubernetes([Document(pod_object(pod))]).proxy(pod.name, pod.namespace)
        directory = pod.place.directory
        pod.proxy = self._envoy(
            identity, directory, local, lambda argv: pod.spawn(argv, {}, directory / "proxy.log"), pod.place.changed
        )

    def _configure(self, gateway: IngressGateway) -> None:
        """Give the gateway its Envoy, which calls the pods and is called by nobody of them."""
        local = SidecarPorts(gateway.ports.proxy_admin, outbound={HTTP: gateway.ports.http}, inbound={}, app={})
        identity = registry({}, (), (), gateway).proxy(gateway.name, NAMESPACE)
        gateway.proxy = self._envoy(identity, gateway.directory, local, gateway.spawn, gateway.changed)

    def _envoy(
        self,
        identity: Proxy,
        directory: Path,
        ports: SidecarPorts,
        spawn: Callable[[list[str]], Process],
        changed: Callable[[], None],
    ) -> Container:
        sidecar = Sidecar(
            directory / "envoy",
            identity,
            ports,
            self._server,
            self._authority,
            telemetry=self._options.telemetry,
            call_log=self._options.call_log,
        )

        async def ask() -> str:
            return "" if await sidecar.ready() else "Envoy has not its whole configuration yet"

        def start() -> Process:
            try:
                argv = sidecar.prepare(self.configuration(identity), self._addresses())
            except (NoEnvoy, Unplaced) as missing:
                raise TargetError(str(missing)) from missing
            return spawn(argv)

        self.sidecars.by_pod[identity.name] = sidecar
        checks = Checks(startup=Check(ask, *STARTUP), readiness=Check(ask, *READINESS))
        return Container("proxy", start, checks, sidecar.log, changed)

    def forget(self, pod: Pod) -> None:
        """Drop a pod that is gone."""
        self.sidecars.by_pod.pop(pod.name, None)
        self.certificates.forget(pod.name)
        self._server.forget(f"{pod.name}.{pod.namespace}")

    @property
    def objects(self) -> list[Mapping[str, Any]]:
        """The Istio objects in effect, by kind, namespace and name."""
        return [one for _, one in sorted(self._documents.items())]

    def add(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Create or replace Istio objects; raises TargetError with every refusal, and then nothing has changed."""
        self._take({**self._documents, **{Document(one).key: one for one in objects}})

    def remove(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Delete Istio objects by kind and name; raises TargetError for those that do not exist, and deletes none."""
        keys = [Document(one).key for one in objects]
        unknown = [key for key in keys if key not in self._documents]
        if unknown:
            known = ", ".join(f"{kind} {name}" for kind, _, name in self._documents) or "none"
            raise TargetError(
                [f"there is no {kind} {name} in {space}; there are: {known}" for kind, space, name in unknown]
            )
        self._take({key: one for key, one in self._documents.items() if key not in keys})

    async def change(self, change: Callable[[], None]) -> None:
        """Make a change with `add` or `remove` and publish it; what cannot be published is taken back, and raised."""
        async with self._changing:
            await self._changed(change)

    async def _changed(self, change: Callable[[], None]) -> None:
        before = self._documents
        change()
        try:
            await self.publish()
        except Exception:
            self._take(before)
            await self.publish()
            raise

    @property
    def withdrawn(self) -> bool:
        """Whether objects are out of effect that will come back."""
        return bool(self._withdrawn)

    async def withdraw(self, ttl_s: float) -> None:
        """Take every Istio object out of effect, for `ttl_s` seconds or until `restore`; TargetError without any.

        Asked for again, what was applied meanwhile goes too, and the newest time counts for all.
        """
        async with self._changing:
            before = self._documents
            if not before:
                raise TargetError("there is no Istio object in effect that could be withdrawn")
            await self._changed(lambda: self._take({}))
            self._withdrawn = {**self._withdrawn, **before}
            self._until = asyncio.get_running_loop().time() + ttl_s
        self._endings.at(self._until, self._restore)

    async def restore(self) -> None:
        """Put what was withdrawn into effect again, beside what was applied meanwhile; nothing happens without it.

        Raises TargetError when a sidecar refuses; then it is withdrawn still.
        """
        await self._restore(math.inf)

    async def _restore(self, when: float) -> None:
        async with self._changing:
            if self._withdrawn and self._until <= when:
                await self._changed(lambda: self._take({**self._withdrawn, **self._documents}))
                self._withdrawn = {}

    async def publish(self) -> None:
        """Send every sidecar its configuration; returns when all have taken it.

        Raises TargetError with Envoy's words when one refuses. A sidecar that does not run asks when it starts.
        """
        async with self.sidecars.turn:
            addresses = self._addresses()
            known = self._registry()
            configs = {name: self._compiled(known, one.proxy) for name, one in self.sidecars.by_pod.items()}
            await self.sidecars.each(configs, lambda one: one.publish(configs[one.proxy.name], addresses))

    def _take(self, documents: dict[Key, Mapping[str, Any]]) -> None:
        try:
            self._objects = parse([Document(one) for one in documents.values()])
        except Refused as refused:
            raise TargetError([str(error) for error in refused.errors]) from refused
        self._documents = documents

    def configuration(self, proxy: Proxy) -> ProxyConfig:
        """Compile what istiod would send to this sidecar, or to the gateway, now."""
        return self._compiled(self._registry(), proxy)

    def _compiled(self, known: Registry, proxy: Proxy) -> ProxyConfig:
        now = known.proxy(proxy.name, proxy.namespace)
        config = compile_proxy(known, self._objects, now, mtls=self._authority is not None)
        return as_of(config, self._options.istio_version)

    def _registry(self) -> Registry:
        return registry(self._services, self._pods(), self._readiness.ready(), self._gateway)

    def _addresses(self) -> dict[tuple[str, int], tuple[str, int]]:
        every = (*self._readiness.ready(), *self._pods())
        return {(pod.ip, TARGET_PORT): (HOST, pod.entry_port) for pod in every}
