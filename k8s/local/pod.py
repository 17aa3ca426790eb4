"""One pod: the application's process and, where injected, its Envoy."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from k8s.local import environment, probes
from k8s.local.container import Container
from k8s.local.models import ConfigMap, Deployment
from k8s.local.ports import HOST, PodPorts
from k8s.local.process import ROOT, Process
from k8s.target import KindUsage, TargetError
from k8s.target import Pod as PodView

PROXY_GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """What the world gives a pod: its name, number (unique in the world), directory, ports, and what all pods share."""

    name: str
    number: int
    directory: Path
    ports: PodPorts
    config_maps: Mapping[str, ConfigMap]
    seed: int
    spawned: Callable[[Process], None]
    changed: Callable[[], None]


@dataclass(slots=True)
class Pod:
    """A running pod. `proxy` is set, before `start`, by whoever configures its Envoy."""

    deployment: Deployment
    place: Place
    created: float = field(default_factory=time.monotonic)
    terminating: bool = False
    proxy: Container | None = None
    told: dict[str, str] = field(default_factory=dict)
    app: Container = field(init=False)
    # Two ends at a time (a restart that is asked for while a time limit causes another) would become two processes
    # that want the same port.
    _ending: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        place = self.place
        self.app = Container("app", self._start_app, self._checks(), place.directory / "app.log", place.changed)

    @property
    def name(self) -> str:
        """DEPLOYMENT-N."""
        return self.place.name

    @property
    def namespace(self) -> str:
        """Where its deployment is."""
        return self.deployment.metadata.namespace

    @property
    def labels(self) -> dict[str, str]:
        """The template's labels."""
        return self.deployment.spec.template.metadata.labels

    @property
    def ip(self) -> str:
        """An address that only the mesh's configuration ever sees."""
        return f"10.244.0.{self.place.number + 1}"

    @property
    def ready(self) -> bool:
        """Whether traffic may be sent to it: the application is ready, and the sidecar where there is one."""
        return not self.terminating and all(one.ready for one in self.containers())

    @property
    def entry_port(self) -> int:
        """Where others reach it: the sidecar's inbound listener, else the application."""
        return self.place.ports.inbound if self.proxy else self.place.ports.app

    @property
    def discovery_file(self) -> Path:
        """Where its application reads names from."""
        return self.place.directory / "discovery.json"

    def containers(self) -> list[Container]:
        """List the application, then the sidecar."""
        return [self.app, self.proxy] if self.proxy else [self.app]

    def container(self, name: str) -> Container:
        """Find a container by name; raises TargetError with the choices."""
        for one in self.containers():
            if one.name == name:
                return one
        choices = ", ".join(one.name for one in self.containers())
        raise TargetError(f"pod {self.name} has no container {name!r}; choose from: {choices}")

    def start(self) -> None:
        """Start every container at once: the sidecar's slow start is not added to the application's."""
        for one in self.containers():
            one.run()

    async def stop(self) -> None:
        """Drain the application, then end the sidecar, through which the last answers go."""
        async with self._ending:
            await self._drained()
            if self.proxy:
                await self.proxy.stop(PROXY_GRACE_S)

    async def restart(self, env: Mapping[str, str]) -> None:
        """Drain the application and start it again, told `env` besides what its manifest says; the sidecar stays.

        Of several at a time each waits for the one before it. A pod that has been stopped stays so.
        """
        async with self._ending:
            if self.terminating:
                return
            await self._drained()
            self.told = dict(env)
            self.terminating = False
            self.app.again()

    async def _drained(self) -> None:
        self.terminating = True
        self.place.changed()
        await self.app.stop(self.deployment.spec.template.spec.termination_grace_period_seconds)

    async def probe(self, deployment: Deployment) -> None:
        """Start the application again, with the probes that its deployment has now."""
        self.deployment = deployment
        self.app.probe(self._checks())
        await self.restart(self.told)

    def spawn(self, argv: list[str], env: Mapping[str, str], log: Path) -> Process:
        """Start a process of this pod, known to the world's record of its processes."""
        process = Process(argv, env, ROOT, log)
        self.place.spawned(process)
        return process

    def view(self) -> PodView:
        """As `status` shows it."""
        ports, app, proxy = self.place.ports, self.app, self.proxy
        reasons = [f"{one.name}: {one.why}" for one in self.containers() if one.why]
        return PodView(
            name=self.name,
            service=self.labels.get("app", self.deployment.metadata.name),
            version=self.labels.get("version", ""),
            phase=self._phase(),
            ready=self.ready,
            restarts=sum(one.restarts for one in self.containers()),
            age_s=round(time.monotonic() - self.created, 1),
            reason="" if self.ready else "; ".join(reasons) or "terminating",
            entry=f"{HOST}:{self.entry_port}",
            app=f"{HOST}:{ports.app}",
            admin=f"{HOST}:{ports.admin}",
            proxy_admin=f"{HOST}:{ports.proxy_admin}" if proxy else None,
            app_usage=app.usage(pss=False),
            proxy_usage=proxy.usage(pss=False) if proxy else None,
            deployment=self.deployment.metadata.name,
            frozen=tuple(one.name for one in self.containers() if one.frozen),
            told=self.told,
        )

    def usage(self) -> tuple[KindUsage, KindUsage]:
        """Say what the application and the sidecar have used, in that order."""
        return self.app.usage(), self.proxy.usage() if self.proxy else KindUsage()

    def _phase(self) -> str:
        if self.terminating:
            return "Terminating"
        if any(one.waiting and not one.ready for one in self.containers()):
            return "CrashLoopBackOff"
        return "Running" if all(one.running for one in self.containers()) else "Pending"

    def _checks(self) -> probes.Checks:
        container, ports = self.deployment.container, self.place.ports
        numbers = {container.port("http"): ports.app, container.port("admin"): ports.admin}
        return probes.of_container(container, {port: here for port, here in numbers.items() if port}, self._execute)

    async def _execute(self, command: Sequence[str], timeout_s: float) -> str:
        """Run a probe's program as the application's container would: its variables, and its folder."""
        return await probes.execute(_argv(command), self._variables(), ROOT, timeout_s)

    def _start_app(self) -> Process:
        return self.spawn(_argv(self.deployment.container.command), self._variables(), self.app.log)

    def _variables(self) -> dict[str, str]:
        spec, container, place = self.deployment.spec.template.spec, self.deployment.container, self.place
        mounts = environment.mounted(spec, place.directory / "volumes", place.config_maps)
        metadata = {"metadata.name": self.name, "metadata.namespace": self.namespace}
        # Everything listens on loopback and belongs to the harness, so the fault control is there unless it is refused.
        told = {"FAULT_CONTROL": "on", "SEED": str(place.seed)}
        env = environment.variables(container, metadata, mounts, self._target_variables())
        return {**told, **env, **self.told}

    def _target_variables(self) -> dict[str, str]:
        ports = self.place.ports
        return {
            "HOST": HOST,
            "PORT": str(ports.app),
            "ADMIN_PORT": str(ports.admin),
            "DISCOVERY_FILE": str(self.discovery_file),
        }


def _argv(command: Sequence[str]) -> list[str]:
    program, *arguments = command
    return [sys.executable if program == "python" else program, *arguments]


async def stop_all(pods: list[Pod]) -> None:
    """Stop many pods at once."""
    await asyncio.gather(*(pod.stop() for pod in pods))
