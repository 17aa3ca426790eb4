"""VirtualService: which of a service's routes a request takes, and what is done to it on the way."""

from __future__ import annotations

import http
from itertools import combinations
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from istio.objects.duration import Duration
from istio.objects.model import ExportTo, Host, Int32, Labels, Many, Metadata, Model, Percent, StringMatch, is_within
from istio.objects.route_actions import (
    CorsPolicy,
    Destination,
    DirectResponse,
    Headers,
    MirrorPolicy,
    Redirect,
    Rewrite,
)
from istio.objects.stream_routes import TcpRoute, TlsRoute

# pkg/config/validation/validation.go, supportedRetryOnPolicies
RETRY_CONDITIONS = (
    "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream",
    "retriable-status-codes", "retriable-headers", "envoy-ratelimited", "http3-post-connect-failure", "cancelled",
    "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
)  # fmt: skip
GRPC_STATUSES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


def is_status(token: str) -> bool:
    """Whether a word of ``retryOn`` is an HTTP status that has a name, which is what istiod asks."""
    return token.isdecimal() and int(token) in {status.value for status in http.HTTPStatus}


def _retry_on(value: str) -> str:
    wrong = [
        token
        for token in map(str.strip, value.split(","))
        if token and token not in RETRY_CONDITIONS and not is_status(token)
    ]
    if wrong:
        raise ValueError(
            f"{', '.join(repr(token) for token in wrong)}: not a retry condition; a comma list of HTTP statuses and of "
            + ", ".join(RETRY_CONDITIONS)
        )
    return value


def _grpc_status(value: str) -> str:
    if value not in GRPC_STATUSES:
        raise ValueError(f"must be one of {', '.join(GRPC_STATUSES)}, not {value!r}")
    return value


class Match(Model):
    """Conditions on a request that must all hold."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"statPrefix"})
    name: str = ""
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: Annotated[dict[str, StringMatch], Field(default_factory=dict)]
    without_headers: Annotated[dict[str, StringMatch], Field(default_factory=dict)]
    query_params: Annotated[dict[str, StringMatch], Field(default_factory=dict)]
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    source_labels: Annotated[Labels, Field(default_factory=dict)]
    source_namespace: str = ""
    gateways: Many[str] = ()
    ignore_uri_case: bool = False


class RouteDestination(Model):
    """One destination and its share of the requests."""

    destination: Destination
    weight: Int32 = 0
    headers: Headers | None = None


class Retries(Model):
    """When a request is tried again, how often and how fast."""

    attempts: Int32 = 0
    per_try_timeout: Duration | None = None
    retry_on: Annotated[str, AfterValidator(_retry_on)] = ""
    retry_remote_localities: bool | None = None
    retry_ignore_previous_hosts: bool | None = None
    backoff: Duration | None = None

    @model_validator(mode="after")
    def _off_is_off(self) -> Self:
        if not self.attempts and (self.per_try_timeout or self.retry_on or self.retry_remote_localities is not None):
            raise ValueError(
                "attempts 0 switches retries off: leave the other fields out, or set attempts to 1 or more"
            )
        return self


class Abort(Model):
    """An answer given in the service's place."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"http2Error"})
    http_status: Annotated[int, Field(ge=200, le=599)] | None = None
    grpc_status: Annotated[str, AfterValidator(_grpc_status)] | None = None
    percentage: Percent | None = None

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        if (self.http_status is None) == (self.grpc_status is None):
            raise ValueError("must hold httpStatus or grpcStatus")
        return self


class Delay(Model):
    """A pause before the request is sent on."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"exponentialDelay"})
    fixed_delay: Duration | None = None
    percentage: Percent | None = None
    percent: Annotated[int, Field(ge=0, le=100)] | None = None


class FaultInjection(Model):
    """Faults on the caller's side, before the router: neither retries nor timeouts apply to them."""

    delay: Delay | None = None
    abort: Abort | None = None

    @model_validator(mode="after")
    def _has_a_fault(self) -> Self:
        if self.delay is None and self.abort is None:
            raise ValueError("must hold abort, delay or both")
        return self


class HttpRoute(Model):
    """One rule: what it matches, where requests go, and under which policy."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"delegate", "mirrorPercent"})
    name: str = ""
    match: Many[Match] = ()
    route: Many[RouteDestination] = ()
    redirect: Redirect | None = None
    direct_response: DirectResponse | None = None
    rewrite: Rewrite | None = None
    timeout: Duration | None = None
    retries: Retries | None = None
    fault: FaultInjection | None = None
    mirror: Destination | None = None
    mirror_percentage: Percent | None = None
    mirrors: Many[MirrorPolicy] = ()
    cors_policy: CorsPolicy | None = None
    headers: Headers | None = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        """One action, and beside it only what goes with it (pkg/config/validation, validateHTTPRoute)."""
        actions = {"route": bool(self.route), "redirect": self.redirect, "directResponse": self.direct_response}
        taken = [name for name, action in actions.items() if action]
        if len(taken) != 1:
            raise ValueError(f"must hold one of route, redirect, directResponse; holds {' and '.join(taken) or 'none'}")
        if not self.route and self.fault is not None:
            raise ValueError(f"fault does not go with {taken[0]}")
        if not self.route and self.rewrite is not None:
            raise ValueError(f"rewrite does not go with {taken[0]}")
        if self.mirror is not None and self.mirrors:
            raise ValueError("must hold mirror or mirrors, not both")
        if len(self.route) > 1 and not sum(one.weight for one in self.route):
            raise ValueError("route: the weights must not all be 0")
        return self


def _overlap(one: str, other: str) -> bool:
    """Whether there is a name that both hosts cover (pkg/config/host, Name.Matches)."""
    ends = [host[1:] if host.startswith("*") else host for host in (one, other)]
    if one.startswith("*") and other.startswith("*"):
        return ends[0].endswith(ends[1]) or ends[1].endswith(ends[0])
    if one.startswith("*") or other.startswith("*"):
        wide, name = ends if one.startswith("*") else reversed(ends)
        return name.endswith(wide)
    return one == other


class VirtualServiceSpec(Model):
    """The spec of a VirtualService."""

    hosts: Annotated[Many[Host], Field(min_length=1)]
    gateways: Many[str] = ()
    export_to: ExportTo = ()
    http: Many[HttpRoute] = ()
    tls: Many[TlsRoute] = ()
    tcp: Many[TcpRoute] = ()

    @model_validator(mode="after")
    def _has_a_route(self) -> Self:
        if not (self.http or self.tls or self.tcp):
            raise ValueError("must hold http, tls or tcp")
        asked = {name for route in self.tls for match in route.match for name in match.sni_hosts}
        strange = sorted(name for name in asked if not any(is_within(name, host) for host in self.hosts))
        if strange:
            raise ValueError(f"tls: sniHosts must be among hosts, not {', '.join(strange)}")
        return self

    @model_validator(mode="after")
    def _hosts_are_fit_for_the_mesh(self) -> Self:
        if "*" in self.hosts and (not self.gateways or "mesh" in self.gateways):
            raise ValueError("hosts: * is only for a gateway; in the mesh, name the service")
        for one, other in combinations(self.hosts, 2):
            if _overlap(one, other):
                raise ValueError(f"hosts: must not overlap; {one} and {other} do")
        return self


class VirtualService(Model):
    """networking.istio.io VirtualService."""

    api_version: str
    kind: Literal["VirtualService"]
    metadata: Metadata
    spec: VirtualServiceSpec
    status: dict[str, object] | None = None
