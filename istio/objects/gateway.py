"""Gateway: the ports and hosts that a gateway's pods take from outside."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from istio.objects.model import Many, Metadata, Model, host
from istio.objects.selector import SelectorLabels

Protocol = Annotated[
    Literal["HTTP", "HTTP2", "GRPC", "HTTPS"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]
TlsVersion = Literal["TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"]


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
    protocol: Protocol


class ServerTls(Model):
    """How a server proves who it is, and whom it asks for that; of plain HTTP only that its callers are sent to HTTPS.

    Certificates are secrets of the gateway's namespace, by name; ISTIO_MUTUAL has the mesh's own.
    """

    not_carried: ClassVar[frozenset[str]] = frozenset({
        "serverCertificate", "privateKey", "caCertificates", "credentialNames", "verifyCertificateSpki",
        "verifyCertificateHash", "caCrl", "caCertCredentialName", "tlsCertificates",
    })  # fmt: skip
    https_redirect: bool = False
    mode: Literal["SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL"] | None = None
    credential_name: str = ""
    subject_alt_names: Many[str] = ()
    min_protocol_version: TlsVersion = "TLS_AUTO"
    max_protocol_version: TlsVersion = "TLS_AUTO"
    cipher_suites: Many[str] = ()

    @model_validator(mode="after")
    def _has_the_certificates_of_its_mode(self) -> Self:
        if self.mode == "ISTIO_MUTUAL" and self.credential_name:
            raise ValueError("mode ISTIO_MUTUAL has the mesh's own certificates: leave credentialName out")
        if self.mode not in (None, "ISTIO_MUTUAL") and not self.credential_name:
            raise ValueError(f"mode {self.mode} needs a credentialName: goaround reads no files of certificates")
        if self.mode == "SIMPLE" and self.subject_alt_names:  # istiod takes it, and Envoy then refuses the listener
            raise ValueError("subjectAltNames are for modes that ask callers for a certificate, such as MUTUAL")
        return self


class Server(Model):
    """One port, and the hosts that are taken there."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"bind", "defaultEndpoint"})
    name: str = ""
    port: ServerPort
    hosts: Annotated[Many[Annotated[str, AfterValidator(_namespaced_host)]], Field(min_length=1)]
    tls: ServerTls | None = None

    @model_validator(mode="after")
    def _speaks_tls_or_not(self) -> Self:
        mode = self.tls.mode if self.tls else None
        if self.port.protocol == "HTTPS" and mode is None:
            raise ValueError("tls: protocol HTTPS needs a mode: SIMPLE, MUTUAL, OPTIONAL_MUTUAL or ISTIO_MUTUAL")
        if self.port.protocol != "HTTPS" and mode is not None:
            raise ValueError(f"tls: protocol {self.port.protocol} has no mode; choose HTTPS, or leave it out")
        return self

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
