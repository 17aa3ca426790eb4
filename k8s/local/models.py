"""Strict models of exactly the manifest fields that our overlays use; the local target refuses the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

SCALE = "goaround/scale"
INJECT = "sidecar.istio.io/inject"


class Model(BaseModel):
    """A part of a manifest: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Metadata(Model):
    """A name and what is attached to it."""

    name: str
    namespace: str = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class HttpGet(Model):
    """Where a probe asks: `port` is a container port's name or number."""

    path: str
    port: str | int


class TcpSocket(Model):
    """Where a probe connects: `port` is a container port's name or number."""

    port: str | int


class Exec(Model):
    """What a probe runs in the container: a program and its arguments, without a shell."""

    command: Annotated[tuple[str, ...], Field(min_length=1)]


class Probe(Model):
    """How a probe asks, in exactly one of three ways; times in seconds, with Kubernetes' defaults."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    exec: Exec | None = None
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3

    @property
    def port(self) -> str | int | None:
        """The container port that is asked; None when a program is run."""
        asked = self.http_get or self.tcp_socket
        return asked.port if asked else None


class FieldRef(Model):
    """A field of the pod itself."""

    field_path: Literal["metadata.name", "metadata.namespace"]


class ValueFrom(Model):
    """An env value that the pod's metadata gives."""

    field_ref: FieldRef


class Env(Model):
    """One variable, by value or by reference."""

    name: str
    value: str = ""
    value_from: ValueFrom | None = None


class ContainerPort(Model):
    """A named port."""

    name: str
    container_port: int


class VolumeMount(Model):
    """Where a volume appears in the container."""

    name: str
    mount_path: Annotated[str, Field(pattern="^/.+[^/]$")]


class Resources(Model):
    """Read and reported; not enforced by the local target."""

    requests: dict[str, str] = {}
    limits: dict[str, str] = {}


class Capabilities(Model):
    """Linux capabilities; a local process has those of its user."""

    drop: tuple[Literal["ALL"], ...]


class ContainerSecurity(Model):
    """Pod security of the container; only what is stricter than a plain process, so leaving it out breaks nothing."""

    allow_privilege_escalation: Literal[False]
    read_only_root_filesystem: Literal[True]
    capabilities: Capabilities


class Seccomp(Model):
    """The seccomp profile."""

    type: Literal["RuntimeDefault"]


class PodSecurity(Model):
    """Pod security; as for the container."""

    run_as_non_root: Literal[True]
    run_as_user: int
    run_as_group: int
    fs_group: int
    seccomp_profile: Seccomp


class Container(Model):
    """The application's container."""

    name: Literal["app"]
    image: str
    image_pull_policy: str = "IfNotPresent"
    command: Annotated[tuple[str, ...], Field(min_length=1)]
    ports: tuple[ContainerPort, ...]
    env: tuple[Env, ...] = ()
    resources: Resources = Resources()
    security_context: ContainerSecurity | None = None
    startup_probe: Probe | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    volume_mounts: tuple[VolumeMount, ...] = ()

    def port(self, port: str | int) -> int | None:
        """Find a port's number by name or number; None when the container has no such port."""
        return next((p.container_port for p in self.ports if port in (p.name, p.container_port)), None)


class EmptyDir(Model):
    """A directory of the pod's own."""


class ConfigMapVolume(Model):
    """A ConfigMap's entries as files."""

    name: str


class Volume(Model):
    """Exactly one of its sources is set."""

    name: str
    empty_dir: EmptyDir | None = None
    config_map: ConfigMapVolume | None = None


class PodSpec(Model):
    """One container and its volumes."""

    containers: Annotated[tuple[Container, ...], Field(min_length=1, max_length=1)]
    volumes: tuple[Volume, ...] = ()
    service_account_name: str = "default"
    automount_service_account_token: Literal[False] = False
    termination_grace_period_seconds: float = 30
    topology_spread_constraints: tuple[dict[str, Any], ...] = ()
    security_context: PodSecurity | None = None


class TemplateMetadata(Model):
    """Labels and annotations of every pod of a deployment."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}


class Template(Model):
    """What every pod of a deployment is."""

    metadata: TemplateMetadata
    spec: PodSpec


class Selector(Model):
    """Which pods belong to a deployment."""

    match_labels: dict[str, str]


class Strategy(Model):
    """How a deployment is rolled; read, and of no effect: a local world is never rolled."""

    type: Literal["Recreate", "RollingUpdate"]


class DeploymentSpec(Model):
    """How many pods, and of what."""

    replicas: Annotated[int, Field(ge=0)] = 1
    selector: Selector
    template: Template
    strategy: Strategy | None = None


class Deployment(Model):
    """Pods that are kept running."""

    api_version: Literal["apps/v1"]
    kind: Literal["Deployment"]
    metadata: Metadata
    spec: DeploymentSpec

    @property
    def container(self) -> Container:
        """The one container."""
        return self.spec.template.spec.containers[0]

    @property
    def injected(self) -> bool:
        """Whether each pod gets a sidecar."""
        return self.spec.template.metadata.labels.get(INJECT) == "true"

    @property
    def fixed(self) -> bool:
        """Whether it refuses to be scaled."""
        return self.metadata.annotations.get(SCALE) == "never"


class ServicePort(Model):
    """A service's port and the container port behind it."""

    name: str
    port: int
    target_port: str | int


class ServiceSpec(Model):
    """Which pods a name leads to."""

    selector: dict[str, str]
    ports: Annotated[tuple[ServicePort, ...], Field(min_length=1, max_length=1)]
    cluster_ip: Annotated[Literal["None"] | None, Field(alias="clusterIP")] = None


class Service(Model):
    """A name for the ready pods that its selector picks."""

    api_version: Literal["v1"]
    kind: Literal["Service"]
    metadata: Metadata
    spec: ServiceSpec

    @property
    def port(self) -> ServicePort:
        """The one port."""
        return self.spec.ports[0]

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels stands behind this service."""
        return self.spec.selector.items() <= labels.items()


class ConfigMap(Model):
    """Texts by name."""

    api_version: Literal["v1"]
    kind: Literal["ConfigMap"]
    metadata: Metadata
    data: dict[str, str] = {}


class Namespace(Model):
    """Read, and of no effect: a world is its own namespace."""

    api_version: Literal["v1"]
    kind: Literal["Namespace"]
    metadata: Metadata


class ServiceAccount(Model):
    """Read; the sidecars' identity."""

    api_version: Literal["v1"]
    kind: Literal["ServiceAccount"]
    metadata: Metadata
    automount_service_account_token: Literal[False] = False


class PodDisruptionBudget(Model):
    """Read, and of no effect: no node of a local world is ever drained."""

    api_version: Literal["policy/v1"]
    kind: Literal["PodDisruptionBudget"]
    metadata: Metadata
    spec: dict[str, Any]


class NetworkPolicy(Model):
    """Read, and not enforced: a process of this machine may call any other."""

    api_version: Literal["networking.k8s.io/v1"]
    kind: Literal["NetworkPolicy"]
    metadata: Metadata
    spec: dict[str, Any]
