"""The mesh's control plane for one world: what istiod would send to every sidecar, whenever that changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from istio import stats
from istio.admin import Unreachable
from istio.compile import ProxyConfig, compile_proxy
from istio.compile.versions import as_of
from istio.discovery import DiscoveryServer
from istio.ejections import Ejection
from istio.envoy import NoEnvoy
from istio.objects import Document, Objects, Refused, parse
from istio.registry import TLS_LABEL, Registry
from istio.security import Authority
from istio.sidecar import Rejected, Sidecar, SidecarPorts
from k8s.local.container import Container
from k8s.local.models import Service
from k8s.local.pod import Pod
from k8s.local.ports import HOST
from k8s.local.probes import Check, Checks
from k8s.local.process import Process
from k8s.target import MeshOptions, TargetError

TARGET_PORT = 8080
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
    ) -> None:
        self._options, self._authority = options, authority
        self._services, self._pods, self._server = services, pods, server
        self._documents: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        self._objects = Objects()
        self._sidecars: dict[str, Sidecar] = {}
        self._turn, self._changing = asyncio.Lock(), asyncio.Lock()

    def inject(self, pod: Pod) -> None:
        """Give a pod that has not started its Envoy."""
        ports = pod.place.ports
        proxy = Registry.from_kubernetes([Document(_pod(pod))]).proxy(pod.name, pod.deployment.metadata.namespace)
        sidecar = Sidecar(
            pod.place.directory / "envoy",
            proxy,
            SidecarPorts(
                ports.proxy_admin,
                outbound={service.port.port: ports.outbound for service in self._services.values()},
                inbound={TARGET_PORT: ports.inbound},
                app={TARGET_PORT: ports.app},
            ),
            self._server,
            self._authority,
            telemetry=self._options.telemetry,
        )

        async def ask() -> str:
            return "" if await sidecar.ready() else "Envoy has not its whole configuration yet"

        def start() -> Process:
            try:
                argv = sidecar.prepare(self.configuration(pod), self._addresses())
            except NoEnvoy as missing:
                raise TargetError(str(missing)) from missing
            return pod.spawn(argv, {}, pod.place.directory / "proxy.log")

        checks = Checks(startup=Check(ask, *STARTUP), readiness=Check(ask, *READINESS))
        pod.proxy = Container("proxy", start, checks, sidecar.log, pod.place.changed)
        self._sidecars[pod.name] = sidecar

    def forget(self, pod: Pod) -> None:
        """Drop a pod that is gone."""
        self._sidecars.pop(pod.name, None)
        self._server.forget(f"{pod.name}.{pod.deployment.metadata.namespace}")

    @property
    def objects(self) -> list[Mapping[str, Any]]:
        """The Istio objects in effect, by kind, namespace and name."""
        return [one for _, one in sorted(self._documents.items())]

    def add(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Create or replace Istio objects; raises TargetError with every refusal, and then nothing has changed."""
        self._take({**self._documents, **{_key(one): one for one in objects}})

    def remove(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Delete Istio objects by kind and name; raises TargetError for those that do not exist, and deletes none."""
        keys = [_key(one) for one in objects]
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

    async def publish(self) -> None:
        """Send every sidecar its configuration; returns when all have taken it.

        Raises TargetError with Envoy's words when one refuses. A sidecar that does not run asks when it starts.
        """
        async with self._turn:
            addresses = self._addresses()
            configs = {pod.name: self.configuration(pod) for pod in self._pods() if pod.name in self._sidecars}
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
            names = list(self._sidecars)
            results = await asyncio.gather(*(self._sidecars[name].rotate() for name in names), return_exceptions=True)
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
            names = list(self._sidecars)
            results = await asyncio.gather(*(self._sidecars[name].reset() for name in names), return_exceptions=True)
        _raise_if_refused(dict(zip(names, results, strict=True)))
        deadline = asyncio.get_running_loop().time() + RESET_DEADLINE_S
        while ejecting := [pod for pod, flat in (await self.stats()).items() if _ejections(flat)]:
            if asyncio.get_running_loop().time() > deadline:
                raise TargetError([f"{pod} still ejects a replica after {RESET_DEADLINE_S:g} s" for pod in ejecting])
            await asyncio.sleep(0.05)

    def _take(self, documents: dict[tuple[str, str, str], Mapping[str, Any]]) -> None:
        try:
            self._objects = parse([Document(one) for one in documents.values()])
        except Refused as refused:
            raise TargetError([str(error) for error in refused.errors]) from refused
        self._documents = documents

    def configuration(self, pod: Pod) -> ProxyConfig:
        """Compile what istiod would send to the sidecar of this pod now."""
        registry = self._registry()
        proxy = registry.proxy(pod.name, pod.deployment.metadata.namespace)
        config = compile_proxy(registry, self._objects, proxy, mtls=self._authority is not None)
        return as_of(config, self._options.istio_version)

    def _registry(self) -> Registry:
        pods = list(self._pods())
        services = [_service(service, number) for number, service in enumerate(self._services.values())]
        slices = [_slice(service, pods) for service in self._services.values()]
        return Registry.from_kubernetes([Document(one) for one in (*map(_pod, pods), *services, *slices)])

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


def _key(one: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = one.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    return str(one.get("kind", "")), str(metadata.get("namespace", "default")), str(metadata.get("name", ""))


def _pod(pod: Pod) -> dict[str, Any]:
    container = pod.deployment.container
    injected = {TLS_LABEL: "istio"} if pod.proxy else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod.name,
            "namespace": pod.deployment.metadata.namespace,
            "labels": {**pod.labels, **injected},
        },
        "spec": {
            "serviceAccountName": pod.deployment.spec.template.spec.service_account_name,
            "containers": [
                {
                    "name": container.name,
                    "ports": [{"name": port.name, "containerPort": port.container_port} for port in container.ports],
                }
            ],
        },
        "status": {"podIP": pod.ip},
    }


def _service(service: Service, number: int) -> dict[str, Any]:
    """Return the service with the address that a cluster would have given it."""
    data = service.model_dump(mode="json", by_alias=True)
    return {**data, "spec": {**data["spec"], "clusterIP": f"10.96.0.{number + 1}"}}


def _slice(service: Service, pods: Iterable[Pod]) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service.metadata.name}-1",
            "namespace": service.metadata.namespace,
            "labels": {"kubernetes.io/service-name": service.metadata.name},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [pod.ip], "conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": pod.name}}
            for pod in pods
            if pod.ready and service.selects(pod.labels)
        ],
        "ports": [{"name": service.port.name, "port": TARGET_PORT, "protocol": "TCP"}],
    }
