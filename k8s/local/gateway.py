"""The ingress gateway of a world: an Envoy of its own at the edge, as Istio's chart installs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from k8s.local.container import Container
from k8s.local.ports import HOST, GatewayPorts
from k8s.local.process import ROOT, Process
from k8s.target import Gateway, KindUsage

NAME, NAMESPACE = "istio-ingressgateway", "istio-system"
# The container port behind port 80 of its Service: the one that has a place on this machine.
HTTP = 8080
_SERVICE_PORT = 80
_LABELS = {"app": NAME, "istio": "ingressgateway"}
# An address that only the mesh's configuration ever sees; the application's pods and services have the rest.
_POD_IP, _CLUSTER_IP = "10.244.255.1", "10.96.255.1"
_GRACE_S = 2.0


def without_place(gateway: Mapping[str, Any], present: bool) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Say which servers of a Gateway no call will reach in a local world: the path of each, and why.

    gateway: an Istio object that was parsed. present: whether the world has an ingress gateway.
    """
    spec = gateway["spec"]
    selector = spec.get("selector") or {}
    if not present:
        yield ("spec",), "this world has no ingress gateway (`goaround up --mode mesh` starts one with it)"
        return
    if not selector.items() <= _LABELS.items():
        labels = ", ".join(f"{name}: {value}" for name, value in _LABELS.items())
        yield ("spec", "selector"), f"picks no gateway of this world: the only one is labelled {labels}"
        return
    for index, server in enumerate(spec["servers"]):
        port, protocol = server["port"]["number"], server["port"]["protocol"]
        if port not in (_SERVICE_PORT, HTTP):
            yield (
                ("spec", "servers", index),
                f"takes {protocol} on port {port}, and the gateway of a local world has a place only for port "
                f"{_SERVICE_PORT} of its Service ({HTTP} of its own): it is configured as istiod would, and no call "
                "will reach it",
            )


@dataclass(slots=True)
class IngressGateway:
    """One Envoy. `proxy` is set, before `start`, by whoever configures it."""

    directory: Path
    ports: GatewayPorts
    spawned: Callable[[Process], None]
    changed: Callable[[], None]
    created: float = field(default_factory=time.monotonic)
    proxy: Container | None = None

    @property
    def name(self) -> str:
        """Its pod's name."""
        return f"{NAME}-0"

    @property
    def ready(self) -> bool:
        """Whether it has its whole configuration."""
        return self.proxy is not None and self.proxy.ready

    def containers(self) -> list[Container]:
        """List its one container."""
        return [self.container]

    @property
    def container(self) -> Container:
        """Its one container."""
        if self.proxy is None:
            raise RuntimeError("a gateway is configured before it starts")
        return self.proxy

    def start(self) -> None:
        """Start its Envoy."""
        self.container.run()

    async def stop(self) -> None:
        """End it."""
        await self.container.stop(_GRACE_S)

    def spawn(self, argv: list[str]) -> Process:
        """Start its process, known to the world's record of its processes."""
        process = Process(argv, {}, ROOT, self.directory / "proxy.log")
        self.spawned(process)
        return process

    def usage(self) -> KindUsage:
        """Say what it has used."""
        return self.container.usage()

    def view(self) -> Gateway:
        """As `status` shows it."""
        return Gateway(
            name=self.name,
            ready=self.ready,
            restarts=self.container.restarts,
            age_s=round(time.monotonic() - self.created, 1),
            reason=self.container.why,
            http=f"{HOST}:{self.ports.http}",
            proxy_admin=f"{HOST}:{self.ports.proxy_admin}",
            usage=self.container.usage(pss=False),
        )

    def objects(self) -> list[dict[str, Any]]:
        """Return its Pod and its Service as a cluster would show them; nobody inside the mesh calls it."""
        metadata = {"name": NAME, "namespace": NAMESPACE, "labels": _LABELS}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**metadata, "name": self.name},
            "spec": {"serviceAccountName": NAME, "containers": [{"name": "istio-proxy"}]},
            "status": {"podIP": _POD_IP},
        }
        port = {"name": "http2", "port": _SERVICE_PORT, "targetPort": HTTP}
        spec = {"clusterIP": _CLUSTER_IP, "selector": _LABELS, "ports": [port]}
        return [pod, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}]
