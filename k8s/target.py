"""Where worlds run: the protocol that scenarios and measures see, and the shapes that pass through it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from istio.call_log import Logged
from istio.compile.versions import NEWEST
from istio.ejections import Ejection

Document = dict[str, Any]
MODE_VARIABLE, WITHOUT_LIBRARY = "RESILIENCE_MODE", "plain"
"""Which variable of the pod contract names the library that an application calls through, and its value for none."""


class TargetError(Exception):
    """A target refuses or cannot do what was asked; `errors` has one sentence for each thing that is wrong."""

    def __init__(self, errors: str | Sequence[str]) -> None:
        self.errors = [errors] if isinstance(errors, str) else list(errors)
        super().__init__("\n".join(self.errors))


@dataclass(frozen=True, slots=True)
class MeshOptions:
    """What is decided for a whole mesh when it is installed.

    `mtls`: the sidecars speak mutual TLS to each other as PeerAuthentications say, PERMISSIVE without any, as in Istio;
    switched off, plaintext. `telemetry`: they count every request under Istio's names, as Istio's own sidecars do.
    `istio_version`: the release whose defaults they are given (`istio.compile.versions.VERSIONS`). `gateway`: an
    ingress gateway stands at the edge; a bench sends past it and has none. `call_log`: for which requests and tries
    they write a line.
    """

    mtls: bool = True
    telemetry: bool = False
    istio_version: str = NEWEST
    gateway: bool = False
    call_log: Logged = "none"


AS_INSTALLED = MeshOptions()
"""A mesh as Istio installs it, but for telemetry, which only those who read it pay for."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A world before it runs: Kubernetes and Istio objects as parsed YAML, and what could not be carried over.

    `mesh` is None in a world without sidecars.
    """

    mode: str
    policies: str | None
    objects: list[Document]
    istio: list[Document] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    mesh: MeshOptions | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What a world takes from the machine: pods, and bytes of resident memory once they are ready."""

    pods: int
    memory: int


@dataclass(frozen=True, slots=True)
class KindUsage:
    """Cumulative CPU seconds (children that exited included); resident and proportional bytes now.

    `pss` is None where the system does not tell it (anywhere but Linux).
    """

    cpu_s: float = 0.0
    rss: int = 0
    pss: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What the containers of a world, or of one pod, have used: applications and proxies apart."""

    app: KindUsage = KindUsage()
    proxy: KindUsage = KindUsage()


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod as `status` shows it. Addresses are HOST:PORT; the proxy's are None without a sidecar.

    `phase` is Pending, Running or CrashLoopBackOff; `age_s` counts from the pod's creation, not from its last restart.
    `reason` says why it is not ready, and is empty when it is. `entry` is where a request from outside reaches it.
    `frozen` names the containers (`app`, `proxy`) whose processes are stopped. `told`: variables that the application
    was started with besides its manifest; empty where the target does not tell them.
    """

    name: str
    service: str
    version: str
    phase: str
    ready: bool
    restarts: int
    age_s: float
    reason: str
    entry: str
    app: str
    admin: str
    proxy_admin: str | None
    app_usage: KindUsage
    proxy_usage: KindUsage | None
    deployment: str = ""
    frozen: tuple[str, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The ingress gateway as `status` shows it: `http` is where plain HTTP enters, as on port 80 of its Service."""

    name: str
    ready: bool
    restarts: int
    age_s: float
    reason: str
    http: str
    proxy_admin: str
    usage: KindUsage


@dataclass(frozen=True, slots=True)
class WorldStatus:
    """The pods of a world in name order, its gateway where it has one, and what the target does not do for it.

    `ailing`: what the whole world suffers from now (`stale-discovery`, `config-withdrawn`, `expired-certificate`).
    """

    name: str
    mode: str
    pods: tuple[Pod, ...]
    notes: tuple[str, ...] = ()
    gateway: Gateway | None = None
    ailing: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether every pod is ready, and the gateway."""
        return all(one.ready for one in (*self.pods, *([self.gateway] if self.gateway else ())))


@dataclass(frozen=True, slots=True)
class Pace:
    """What a target takes its time for, in seconds.

    `look_s`: between two looks at a pod, so that looking is no load beside what is measured. `restart_s`: how long a
    container that was killed may take until it is ready again.
    """

    look_s: float
    restart_s: float


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a world was when it started: where the application is, its Istio objects, each deployment's replicas."""

    namespace: str
    istio: list[Document]
    replicas: dict[str, int]


class OperatedWorld(Protocol):
    """What whoever operates a running copy of the application does to it, on any target.

    Every method raises TargetError for what was wrong.
    """

    name: str
    mode: str

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request to an admin port must carry, beside what it says; the secret in it is for nobody else."""

    async def status(self) -> WorldStatus:
        """List the pods."""

    async def scale(self, deployment: str, replicas: int) -> None:
        """Set a deployment's replicas and wait until they are ready; stores refuse."""

    async def apply(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Create or replace Istio objects, live; on the local target, returns when every sidecar follows them."""

    async def delete(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Delete Istio objects by kind and name, live."""

    async def get(self) -> list[Document]:
        """List the Istio objects in effect, by kind, namespace and name; empty without sidecars."""

    async def log(self, pod: str, container: str = "app") -> str:
        """What a container (`app` or `proxy`) has logged."""

    async def down(self) -> None:
        """Drain and end every pod."""


class World(OperatedWorld, Protocol):
    """One running copy of the application that can be measured too, and broken on purpose."""

    pace: Pace

    async def look(self, pods: Collection[str]) -> list[Pod]:
        """List those of these pods that are there, in name order; nobody is asked what they use, which is load."""

    async def restart(self, pod: str, env: Mapping[str, str] | None = None, ttl_s: float = 0) -> None:
        """Drain a pod's application and start it again; returns when it is ready.

        It is told `env` besides what its manifest says, for `ttl_s` seconds, and then started again without it. On the
        local target its name, its addresses and its sidecar stay. On a cluster another pod takes its place, and what
        is told is told to all replicas; it stays until a restart without it, or until `mend`.
        """

    async def config(self, name: str) -> dict[str, str]:
        """Read a ConfigMap: its entries by file name."""

    async def configure(self, name: str, entries: Mapping[str, str]) -> None:
        """Replace the entries of a ConfigMap; an application reads them when it is started again."""

    async def probe(self, deployment: str, probes: Mapping[str, Any]) -> None:
        """Merge other probes (`readinessProbe`, ...) into a deployment's, and start its pods again, one by one.

        None at all: those that its manifest has. Returns when every pod is ready.
        """

    async def hold_discovery(self, ttl_s: float) -> None:
        """Tell nobody which pods are ready, for `ttl_s` seconds or until it is released; what is known stays known."""

    async def release_discovery(self) -> int:
        """Tell everybody again, beginning with how it is now; returns how many changes the last hold has withheld."""

    async def withdraw(self, ttl_s: float) -> None:
        """Take every Istio object out of effect, for `ttl_s` seconds or until it is restored."""

    async def restore(self) -> None:
        """Put what was withdrawn into effect again, beside what was applied meanwhile."""

    async def expire(self, pod: str, ttl_s: float) -> None:
        """Give a pod's sidecar a certificate whose time is over, for `ttl_s` seconds or until it is renewed.

        Its callers' connections are renewed, since those that stand would outlive it.
        """

    async def renew(self) -> None:
        """Give good certificates to all sidecars whose certificates have expired."""

    async def mend(self) -> None:
        """Undo what somebody who died has left, and replace pods whose next restart would be held back.

        Their names may change. A cluster waits longer before each restart of one pod; the local target does not.
        """

    async def kill(self, pod: str, container: str = "app", ttl_s: float = 0) -> None:
        """SIGKILL a container (`app` or `proxy`); its restart is held back for `ttl_s` seconds."""

    async def freeze(self, pod: str, container: str = "app", ttl_s: float = 1.0) -> None:
        """Stop a container's process for `ttl_s` seconds, or until it is thawed."""

    async def thaw(self, pod: str, container: str = "app") -> None:
        """Let a frozen process go on; nothing happens to one that is not frozen."""

    async def usage(self) -> Usage:
        """Add up what the world has used."""

    async def proxy_stats(self) -> dict[str, dict[str, int]]:
        """Envoy's counters and gauges by pod; empty without sidecars."""

    async def ejections(self) -> dict[str, list[Ejection]]:
        """When which sidecar ejected a host and let it return, by pod, oldest first; empty without sidecars."""

    async def proxy_calls(self, request_ids: Collection[str], since: float) -> list[Document]:
        """What sidecars wrote of the calls of some requests since a time (seconds since 1970), in no order."""

    async def reset_mesh(self) -> None:
        """Forget every ejection: DestinationRules are deleted and applied again. Does nothing without sidecars."""


class Ability(StrEnum):
    """What a fault or an action may need of a target, or of the mode that a world is in."""

    SIGNALS = "signals"
    """Processes of applications can be killed and stopped."""
    DISCOVERY = "discovery"
    """Who is ready can be kept from those who call."""
    SIDECARS = "sidecars"
    """There are sidecars whose processes can be killed and stopped."""
    WITHDRAWAL = "withdrawal"
    """The objects of sidecars can be taken out of effect, and come back in time, whoever dies meanwhile."""
    POLICIES = "policies"
    """There are policies that can be changed: objects of sidecars, or the file that a library reads."""
    LIBRARY = "library"
    """Applications call through a resilience library, which one of them may be told to leave out for a while."""
    CERTIFICATES = "certificates"
    """Sidecars prove to each other who they are, by certificates that can be made to expire."""


OF_SIDECARS = frozenset({Ability.SIDECARS, Ability.WITHDRAWAL, Ability.CERTIFICATES})
"""What means nothing to a mode without sidecars."""


class OperatedTarget(Protocol):
    """A place where worlds stay until they are ended."""

    async def up(self, name: str, rendered: Rendered, *, attached: Literal[False], seed: int) -> OperatedWorld:
        """Start a world and wait until every pod is ready; raises TargetError saying which is not and why."""

    async def world(self, name: str) -> OperatedWorld:
        """Find a running world; raises TargetError with the names of those that run."""

    async def worlds(self) -> list[str]:
        """Names of the running worlds."""


class Target(Protocol):
    """A place where worlds are measured."""

    def supports(self, ability: Ability, rendered: Rendered) -> str:
        """Why a world made of this could not do that; empty when it can."""

    def need(self, rendered: Rendered) -> Need:
        """Say what this world will take, before it starts."""

    async def up(self, name: str, rendered: Rendered, *, attached: bool, seed: int) -> World:
        """Start a world and wait until every pod is ready; raises TargetError saying which is not and why."""

    async def world(self, name: str) -> World:
        """Find a running world; raises TargetError with the names of those that run."""

    async def worlds(self) -> list[str]:
        """Names of the running worlds."""
