"""DestinationRule: what a caller does with the hosts of a service once a route has chosen it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import Field, model_validator

from istio.objects.duration import AnyDuration, Duration
from istio.objects.model import (
    ExportTo,
    Host,
    Int32,
    Label,
    Labels,
    Many,
    Metadata,
    Model,
    Percentage,
    PortSelector,
    UInt32,
)

_Block = TypeVar("_Block", bound=Model)
Simple = Literal["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"]
UInt64 = Annotated[int, Field(ge=0, le=2**64 - 1)]


class HttpCookie(Model):
    """The cookie that a consistent hash is taken of."""

    name: Annotated[str, Field(min_length=1)]
    path: str = ""
    ttl: AnyDuration | None = None


class RingHash(Model):
    """Ketama ring."""

    minimum_ring_size: UInt64 | None = None


class Maglev(Model):
    """Maglev table."""

    table_size: UInt64 | None = None


class ConsistentHash(Model):
    """What is hashed, and onto which structure."""

    http_header_name: str | None = None
    http_cookie: HttpCookie | None = None
    use_source_ip: bool = False
    http_query_parameter_name: str | None = None
    ring_hash: RingHash | None = None
    maglev: Maglev | None = None
    minimum_ring_size: UInt64 | None = None


class Warmup(Model):
    """How long a new host is given less than its share."""

    duration: Duration
    minimum_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    aggression: Annotated[float, Field(ge=1)] | None = None


class LoadBalancer(Model):
    """How a host is chosen for a request; ``consistentHash`` wins over ``simple`` when both are there."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"localityLbSetting", "zoneAwareLbSetting"})
    simple: Simple | None = None
    consistent_hash: ConsistentHash | None = None
    warmup_duration_secs: Duration | None = None
    warmup: Warmup | None = None


class TcpKeepalive(Model):
    """Probes of idle connections."""

    probes: UInt32 | None = None
    time: Duration | None = None
    interval: Duration | None = None


class TcpPool(Model):
    """Limits of connections."""

    max_connections: Int32 = 0
    connect_timeout: Duration | None = None
    tcp_keepalive: TcpKeepalive | None = None
    max_connection_duration: Duration | None = None
    idle_timeout: Duration | None = None


class HttpPool(Model):
    """Limits of requests; 0 stands for no limit."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"maxConcurrentStreams", "http2KeepAlive"})
    http1_max_pending_requests: Annotated[Int32, Field(alias="http1MaxPendingRequests")] = 0
    http2_max_requests: Annotated[Int32, Field(alias="http2MaxRequests")] = 0
    max_requests_per_connection: Int32 = 0
    max_retries: Int32 = 0
    idle_timeout: Duration | None = None
    h2_upgrade_policy: Annotated[
        Literal["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"] | None, Field(alias="h2UpgradePolicy")
    ] = None
    use_client_protocol: bool = False

    @model_validator(mode="after")
    def _one_protocol(self) -> Self:
        if self.use_client_protocol and self.h2_upgrade_policy == "UPGRADE":
            raise ValueError("useClientProtocol: true does not go with h2UpgradePolicy: UPGRADE")
        return self


class ConnectionPool(Model):
    """Circuit breaking, in Istio's words: how much may be under way at once."""

    tcp: TcpPool | None = None
    http: HttpPool | None = None

    @model_validator(mode="after")
    def _has_a_field(self) -> Self:
        if self.tcp is None and self.http is None:
            raise ValueError("must hold tcp, http or both")
        return self


class OutlierDetection(Model):
    """When a host is ejected and for how long."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"outlierDetectionHttpErrorCodes"})
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: UInt32 | None = None
    consecutive_gateway_errors: UInt32 | None = None
    consecutive_5xx_errors: Annotated[UInt32 | None, Field(alias="consecutive5xxErrors")] = None
    interval: Duration | None = None
    base_ejection_time: Duration | None = None
    max_ejection_percent: Percentage = 0
    min_health_percent: Percentage = 0

    @model_validator(mode="after")
    def _local_origin_needs_split(self) -> Self:
        if self.consecutive_local_origin_failures and not self.split_external_local_origin_errors:
            raise ValueError("consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors: true")
        return self

    @property
    def interval_or_default(self) -> timedelta:
        """Time between two sweeps; Envoy's default is 10 s."""
        return self.interval or timedelta(seconds=10)

    @property
    def base_ejection_or_default(self) -> timedelta:
        """Time of a first ejection; Envoy's default is 30 s."""
        return self.base_ejection_time or timedelta(seconds=30)


class RetryBudget(Model):
    """Retries as a share of the active requests."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"budgetInterval"})
    percent: Annotated[float, Field(ge=0, le=100)] | None = None
    min_retry_concurrency: UInt32 | None = None


class ClientTls(Model):
    """How a connection to a host is secured (pkg/config/validation, validateTLS)."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"caCrl"})
    mode: Literal["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"] = "DISABLE"
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    credential_name: str = ""
    subject_alt_names: Many[str] = ()
    sni: str = ""
    insecure_skip_verify: bool | None = None

    @model_validator(mode="after")
    def _files_are_those_of_the_mode(self) -> Self:
        files = (self.client_certificate, self.private_key, self.ca_certificates)
        if self.insecure_skip_verify and self.mode not in ("SIMPLE", "MUTUAL"):
            raise ValueError("insecureSkipVerify goes with mode SIMPLE or MUTUAL only")
        if self.insecure_skip_verify and (self.ca_certificates or self.subject_alt_names):
            raise ValueError("insecureSkipVerify does not go with caCertificates or subjectAltNames")
        if self.credential_name and self.mode in ("SIMPLE", "MUTUAL") and any(files):
            raise ValueError("must hold credentialName or files, not both")
        if self.mode == "ISTIO_MUTUAL" and (any(files) or self.credential_name):
            raise ValueError("mode ISTIO_MUTUAL has the mesh's own certificates: leave the files out")
        if self.mode == "MUTUAL" and not self.credential_name and not (self.client_certificate and self.private_key):
            raise ValueError("mode MUTUAL needs clientCertificate and privateKey, or credentialName")
        return self


def _require_field(model: _Block, fields: Sequence[str]) -> _Block:
    """Raise ValueError when none of these is set: a policy that says nothing is a mistake."""
    if not any(getattr(model, name) not in (None, ()) for name in fields):
        aliases = (type(model).model_fields[name].alias for name in fields)
        raise ValueError(f"must hold one of {', '.join(str(one) for one in aliases)}")
    return model


class PortPolicy(Model):
    """The four blocks that a port may set; they replace the whole top level for that port."""

    port: PortSelector
    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTls | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        return _require_field(self, ("load_balancer", "connection_pool", "outlier_detection", "tls"))


class TrafficPolicy(Model):
    """What is done with the hosts of a service or of a subset."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"tunnel", "proxyProtocol"})
    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    retry_budget: RetryBudget | None = None
    tls: ClientTls | None = None
    port_level_settings: Many[PortPolicy] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        blocks = ("load_balancer", "connection_pool", "outlier_detection", "tls", "port_level_settings", "retry_budget")
        return _require_field(self, blocks)


class Subset(Model):
    """Some of a service's pods, by their labels, under a name of their own."""

    name: Annotated[Label, Field(min_length=1)]
    labels: Annotated[Labels, Field(default_factory=dict)]
    traffic_policy: TrafficPolicy | None = None


class DestinationRuleSpec(Model):
    """The spec of a DestinationRule."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"workloadSelector"})
    host: Host
    traffic_policy: TrafficPolicy | None = None
    subsets: Many[Subset] = ()
    export_to: ExportTo = ()

    @model_validator(mode="after")
    def _subset_names_differ(self) -> Self:
        names = [subset.name for subset in self.subsets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"subsets must have names of their own; more than once: {', '.join(twice)}")
        return self


class DestinationRule(Model):
    """networking.istio.io DestinationRule."""

    api_version: str
    kind: Literal["DestinationRule"]
    metadata: Metadata
    spec: DestinationRuleSpec
    status: dict[str, object] | None = None
