"""Sidecar: what a workload's proxy can see, and what its own application can bear."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from istio.objects.destination_rule import ConnectionPool
from istio.objects.model import Many, Metadata, Model, host
from istio.objects.selector import SelectorLabels


def _import(value: str) -> str:
    namespace, slash, name = value.partition("/")
    if not slash or not namespace or not name:
        raise ValueError(f"must be NAMESPACE/HOST, such as ./* or airport/alerts.airport.svc.cluster.local: {value!r}")
    host(name)
    return value


class WorkloadSelector(Model):
    """Labels that a pod must carry."""

    labels: SelectorLabels


class Egress(Model):
    """Hosts that can be seen, each with its namespace: ``.`` is the Sidecar's own, ``*`` any.

    A ``~`` before a namespace leaves hosts out again that another entry lets in; ``~/*`` leaves out all (since 1.31).
    """

    not_carried: ClassVar[frozenset[str]] = frozenset({"port", "bind", "captureMode"})
    hosts: Annotated[Many[Annotated[str, AfterValidator(_import)]], Field(min_length=1)]


def _one_catch_all(listeners: tuple[Egress, ...]) -> tuple[Egress, ...]:
    if len(listeners) > 1:
        raise ValueError("only the last listener may be without a port: put all hosts into one")
    return listeners


class OutboundTrafficPolicy(Model):
    """What is done with requests to hosts that nobody knows."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"egressProxy"})
    mode: Literal["REGISTRY_ONLY", "ALLOW_ANY"] = "REGISTRY_ONLY"


class SidecarSpec(Model):
    """The spec of a Sidecar."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"ingress"})
    workload_selector: WorkloadSelector | None = None
    egress: Annotated[Many[Egress], AfterValidator(_one_catch_all)] = ()
    outbound_traffic_policy: OutboundTrafficPolicy | None = None
    inbound_connection_pool: ConnectionPool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.egress and self.outbound_traffic_policy is None and self.inbound_connection_pool is None:
            raise ValueError("must hold egress, outboundTrafficPolicy or inboundConnectionPool")
        return self

    @property
    def for_workload(self) -> bool:
        """Whether it is for some pods, not for a whole namespace or mesh."""
        return self.workload_selector is not None and bool(self.workload_selector.labels)


class Sidecar(Model):
    """networking.istio.io Sidecar."""

    api_version: str
    kind: Literal["Sidecar"]
    metadata: Metadata
    spec: Annotated[SidecarSpec, Field(default_factory=SidecarSpec)]
    status: dict[str, object] | None = None
