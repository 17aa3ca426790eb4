"""Gateway: the ports and hosts that a gateway's pods take from outside."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from istio.objects.model import Many, Metadata, Model, host
from istio.objects.selector import SelectorLabels

HttpProtocol = Annotated[
    Literal["HTTP", "HTTP2", "GRPC"], BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)
]


def _namespaced_host(value: str) -> str:
    """A host that may say which namespace's VirtualServices are for it: ``airport/*``, ``./cpanel.test``, ``*/*``."""
    namespace, slash, name = value.rpartition("/")
    if slash and not namespace:
        raise ValueError(f"must be HOST or NAMESPACE/HOST, not {value!r}")
    host(name)
    return value


class ServerPort(Model):
    """The port of a server: the number that the gateway's service has."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"targetPort"})
    number: Annotated[int, Field(ge=1, le=65535)]
    name: Annotated[str, Field(min_length=1)]
    protocol: HttpProtocol


class ServerTls(Model):
    """What a plain HTTP server may say of TLS: that its callers are sent there."""

    not_carried: ClassVar[frozenset[str]] = frozenset({
        "mode", "serverCertificate", "privateKey", "caCertificates", "credentialName", "credentialNames",
        "subjectAltNames", "verifyCertificateSpki", "verifyCertificateHash", "minProtocolVersion",
        "maxProtocolVersion", "cipherSuites", "caCrl", "caCertCredentialName", "tlsCertificates",
    })  # fmt: skip
    https_redirect: bool = False


class Server(Model):
    """One port, and the hosts that are taken there."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"bind", "defaultEndpoint"})
    name: str = ""
    port: ServerPort
    hosts: Annotated[Many[Annotated[str, AfterValidator(_namespaced_host)]], Field(min_length=1)]
    tls: ServerTls | None = None

    @property
    def redirects(self) -> bool:
        """Whether every request is sent to HTTPS."""
        return self.tls is not None and self.tls.https_redirect


class GatewaySpec(Model):
    """The spec of a Gateway."""

    selector: SelectorLabels
    servers: Annotated[Many[Server], Field(min_length=1)]

    @model_validator(mode="after")
    def _port_names_differ(self) -> Self:
        names = [server.port.name for server in self.servers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"servers: port names must differ; more than once: {', '.join(twice)}")
        return self


class Gateway(Model):
    """networking.istio.io Gateway."""

    api_version: str
    kind: Literal["Gateway"]
    metadata: Metadata
    spec: GatewaySpec
    status: dict[str, object] | None = None
