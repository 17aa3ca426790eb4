"""ServiceEntry: a service that Kubernetes does not know."""

from __future__ import annotations

import ipaddress
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from istio.objects.model import EntryExportTo, Host, Labels, Many, Metadata, Model, UInt32

PortNumber = Annotated[int, Field(ge=1, le=65535)]
Protocol = Annotated[
    Literal["HTTP", "HTTP2", "GRPC", "TCP", "TLS", "HTTPS"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]


def _address(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError(f"must be an address or a CIDR block, not {value!r}") from None
    return value


def is_address(value: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


class ServicePort(Model):
    """A port under which the service is called, and the one behind it where that differs."""

    number: PortNumber
    name: Annotated[str, Field(min_length=1)]
    protocol: Protocol
    target_port: PortNumber | None = None


class WorkloadEntry(Model):
    """One address behind the service; ``ports`` are by the names of the service's ports."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"network", "locality"})
    address: Annotated[str, Field(min_length=1)]
    ports: Annotated[dict[str, PortNumber], Field(default_factory=dict)]
    labels: Annotated[Labels, Field(default_factory=dict)]
    weight: UInt32 = 0
    service_account: str = ""


class ServiceEntrySpec(Model):
    """The spec of a ServiceEntry (pkg/config/validation, ValidateServiceEntry)."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"workloadSelector"})
    hosts: Annotated[Many[Host], Field(min_length=1)]
    addresses: Many[Annotated[str, AfterValidator(_address)]] = ()
    ports: Annotated[Many[ServicePort], Field(min_length=1)]
    location: Literal["MESH_EXTERNAL", "MESH_INTERNAL"] = "MESH_EXTERNAL"
    resolution: Literal["STATIC", "DNS", "DNS_ROUND_ROBIN"]
    endpoints: Many[WorkloadEntry] = ()
    subject_alt_names: Many[str] = ()
    export_to: EntryExportTo = ()

    @model_validator(mode="after")
    def _can_be_resolved(self) -> Self:
        if "*" in self.hosts:
            raise ValueError("hosts: * alone is no service")
        addresses = [one.address for one in self.endpoints]
        if self.resolution == "STATIC":
            if not self.endpoints:
                raise ValueError("endpoints: resolution STATIC needs addresses")
            wrong = [one for one in addresses if not is_address(one)]
            if wrong:
                raise ValueError(f"endpoints: with resolution STATIC they must be IP addresses, not {', '.join(wrong)}")
        elif any("/" in one for one in self.addresses):
            raise ValueError("addresses: a CIDR block goes with resolution STATIC only")
        elif not self.endpoints and any(one.startswith("*") for one in self.hosts):
            raise ValueError(f"hosts: a wildcard cannot be resolved: resolution {self.resolution} then needs endpoints")
        if self.resolution == "DNS_ROUND_ROBIN" and len(self.endpoints) > 1:
            raise ValueError("endpoints: resolution DNS_ROUND_ROBIN takes one at most")
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        names, numbers = [one.name for one in self.ports], [one.number for one in self.ports]
        if len(set(names)) < len(names) or len(set(numbers)) < len(numbers):
            raise ValueError("ports: names and numbers must differ from each other")
        unknown = sorted({name for one in self.endpoints for name in one.ports} - set(names))
        if unknown:
            raise ValueError(f"endpoints: no port is named {', '.join(unknown)}; there are {', '.join(names)}")
        return self


class ServiceEntry(Model):
    """networking.istio.io ServiceEntry."""

    api_version: str
    kind: Literal["ServiceEntry"]
    metadata: Metadata
    spec: ServiceEntrySpec
    status: dict[str, object] | None = None
