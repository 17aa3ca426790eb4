"""The mesh's control plane for one world: what istiod would send to every sidecar, whenever that changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from istio import stats
from istio.admin import Unreachable
from istio.compile import ProxyConfig, compile_proxy
from istio.compile.versions import as_of
from istio.discovery import DiscoveryServer
from istio.ejections import Ejection
from istio.envoy import NoEnvoy
from istio.objects import Document, Key, Objects, Refused, parse
from istio.registry import Proxy, Registry
from istio.security import Authority
from istio.sidecar import Rejected, Sidecar, SidecarPorts
from k8s.local.catalogue import TARGET_PORT, pod_object, registry
from k8s.local.container import Container
from k8s.local.gateway import HTTP, NAMESPACE, IngressGateway
from k8s.local.models import Service
from k8s.local.pod import Pod
from k8s.local.ports import HOST
from k8s.local.probes import Check, Checks
from k8s.local.process import Process
from k8s.target import MeshOptions, TargetError

RESET_DEADLINE_S = 5.0
# Istio's injection template: startup every second, readiness every 15 s, four failures.
READINESS = (15.0, 4)
STARTUP = (1.0, 30)
_log = logging.getLogger(__name__)


class Mesh:
    """Configures the sidecars of a world. `pods` gives all its pods, now; Envoys ask `server`.

    With an `authority` they speak mutual TLS to each other, and plaintext without.
    """

    def __init__(
        self,
        services: Mapping[str, Service],
        pods: Callable[[], Iterable[Pod]],
        server: DiscoveryServer,
        options: MeshOptions,
        authority: Authority | None = None,
        gateway: IngressGateway | None = None,
    ) -> None:
        self._options, self._authority, self._gateway = options, authority, gateway
        self._services, self._pods, self._server = services, pods, server
        self._documents: dict[Key, Mapping[str, Any]] = {}
        self._objects = Objects()
        self._sidecars: dict[str, Sidecar] = {}
        self._withdrawn: dict[Key, Mapping[str, Any]] = {}
        self._returning: asyncio.TimerHandle | None = None
        self._restoring: asyncio.Task[None] | None = None
        self._expired: set[str] = set()
        self._renewals: list[asyncio.TimerHandle] = []
        self._renewing: asyncio.Task[None] | None = None
        self._turn, self._changing = asyncio.Lock(), asyncio.Lock()
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
        identity = registry({}, (), gateway).proxy(gateway.name, NAMESPACE)
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
            except NoEnvoy as missing:
                raise TargetError(str(missing)) from missing
            return spawn(argv)

        self._sidecars[identity.name] = sidecar
        checks = Checks(startup=Check(ask, *STARTUP), readiness=Check(ask, *READINESS))
        return Container("proxy", start, checks, sidecar.log, changed)

    def forget(self, pod: Pod) -> None:
        """Drop a pod that is gone."""
        self._sidecars.pop(pod.name, None)
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
        """Take every Istio object out of effect, for `ttl_s` seconds or until `restore`; TargetError without any."""
        if not self._documents:
            raise TargetError("there is no Istio object in effect that could be withdrawn")
        before = self._documents
        await self.change(lambda: self._take({}))
        self._withdrawn = before
        self._returning = asyncio.get_running_loop().call_later(ttl_s, self._return)

    async def restore(self) -> None:
        """Put what was withdrawn into effect again, beside what was applied meanwhile; nothing happens without it."""
        if self._returning:
            self._returning.cancel()
            self._returning = None
        if withdrawn := self._withdrawn:
            self._withdrawn = {}
            await self.change(lambda: self._take({**withdrawn, **self._documents}))

    def _return(self) -> None:
        self._restoring = asyncio.create_task(self.restore(), name="restore")

    async def publish(self) -> None:
        """Send every sidecar its configuration; returns when all have taken it.

        Raises TargetError with Envoy's words when one refuses. A sidecar that does not run asks when it starts.
        """
        async with self._turn:
            addresses = self._addresses()
            known = self._registry()
            configs = {name: self._compiled(known, one.proxy) for name, one in self._sidecars.items()}
            results = await asyncio.gather(
                *(self._sidecars[name].publish(config, addresses) for name, config in configs.items()),
                return_exceptions=True,
            )
        _raise_if_refused(dict(zip(configs, results, strict=True)))

    async def rotate(self) -> None:
        """Give every sidecar a new certificate; returns when all have taken theirs. One that does not run gets its own.

        Raises TargetError with Envoy's words when one refuses.
        """
        async with self._turn:
            await self._each(list(self._sidecars), lambda sidecar: sidecar.rotate())

    async def expire(self, pod: str, ttl_s: float) -> None:
        """Give a pod's sidecar a certificate whose time is over, for `ttl_s` seconds or until `renew`.

        Connections that stand outlive any certificate, so those of its callers are renewed: whoever has sent something
        to its service has its clusters replaced by equal ones.
        Raises TargetError: no such sidecar, plaintext, or Envoy's words when one refuses.
        """
        if pod not in self._sidecars:
            raise TargetError(f"{pod} has no sidecar; choose from: {', '.join(sorted(self._sidecars))}")
        if self._authority is None:
            raise TargetError("the sidecars speak plaintext to each other: there is no certificate that could expire")
        self._expired.add(pod)
        self._renewals.append(asyncio.get_running_loop().call_later(ttl_s, self._renew))
        async with self._turn:
            await self._each([pod], lambda sidecar: sidecar.rotate(expired=True))
            await self._each(await self._callers(pod), lambda sidecar: sidecar.reset())

    async def renew(self) -> None:
        """Give those whose certificates have expired good ones; nothing happens where none has."""
        for timer in self._renewals:
            timer.cancel()
        self._renewals.clear()
        async with self._turn:
            await self._each([pod for pod in self._expired if pod in self._sidecars], lambda one: one.rotate())
            self._expired.clear()

    @property
    def expired(self) -> bool:
        """Whether a sidecar has a certificate whose time is over."""
        return bool(self._expired)

    async def _callers(self, pod: str) -> list[str]:
        """The sidecars that have sent something to the service of a pod."""
        (service,) = (one.labels.get("app", "") for one in self._pods() if one.name == pod)
        found = {name: stats.edges(flat).get(service) for name, flat in (await self.stats()).items()}
        return [name for name, edge in found.items() if edge and edge.requests]

    def _renew(self) -> None:
        self._renewing = asyncio.create_task(self.renew(), name="renew")

    async def _each(self, names: Sequence[str], change: Callable[[Sidecar], Coroutine[Any, Any, None]]) -> None:
        results = await asyncio.gather(*(change(self._sidecars[name]) for name in names), return_exceptions=True)
        _raise_if_refused(dict(zip(names, results, strict=True)))

    async def stats(self) -> dict[str, dict[str, int]]:
        """Envoy's numbers by pod; a sidecar that does not run has none."""
        names = list(self._sidecars)
        found = await asyncio.gather(*(self._sidecars[name].stats() for name in names), return_exceptions=True)
        _raise_if_refused(dict(zip(names, found, strict=True)))
        return {name: {} if isinstance(one, BaseException) else one for name, one in zip(names, found, strict=True)}

    def ejections(self) -> dict[str, list[Ejection]]:
        """When which sidecar ejected whom, by pod."""
        return {name: found for name, sidecar in self._sidecars.items() if (found := sidecar.ejections())}

    async def reset(self) -> None:
        """Replace every cluster by an equal new one, and wait until no sidecar ejects anybody."""
        async with self._turn:
            await self._each(list(self._sidecars), lambda sidecar: sidecar.reset())
        deadline = asyncio.get_running_loop().time() + RESET_DEADLINE_S
        while ejecting := [pod for pod, flat in (await self.stats()).items() if _ejections(flat)]:
            if asyncio.get_running_loop().time() > deadline:
                raise TargetError([f"{pod} still ejects a replica after {RESET_DEADLINE_S:g} s" for pod in ejecting])
            await asyncio.sleep(0.05)

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
        return registry(self._services, self._pods(), self._gateway)

    def _addresses(self) -> dict[tuple[str, int], tuple[str, int]]:
        return {(pod.ip, TARGET_PORT): (HOST, pod.entry_port) for pod in self._pods()}


def _raise_if_refused(results: Mapping[str, object]) -> None:
    errors = []
    for pod, result in results.items():
        if isinstance(result, Rejected | TimeoutError):
            errors.append(f"the sidecar of {pod}: {result}")
        elif isinstance(result, BaseException) and not isinstance(result, Unreachable):
            raise result
    if errors:
        raise TargetError(errors)


def _ejections(flat: Mapping[str, int]) -> int:
    return sum(edge.active_ejections for edge in stats.edges(flat).values())
