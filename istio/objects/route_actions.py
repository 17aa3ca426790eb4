"""What a VirtualService may do to a request besides sending it on: change, answer, copy, allow it across origins."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from istio.objects.duration import Duration
from istio.objects.model import Host, Label, Labels, Many, Model, Percent, PortSelector, Regex, StringMatch


def _whole_seconds(value: timedelta) -> timedelta:
    if value % timedelta(seconds=1):
        raise ValueError("must be whole seconds")
    return value


def _base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError("must be base64") from None
    return value


class Destination(Model):
    """A service, or a subset of it, as the target of a route."""

    host: Host
    subset: Label = ""
    port: PortSelector | None = None


class HeaderOperations(Model):
    """What is set, added and removed."""

    set: Annotated[Labels, Field(default_factory=dict)]
    add: Annotated[Labels, Field(default_factory=dict)]
    remove: Many[str] = ()


class Headers(Model):
    """Changes to the headers of requests and responses."""

    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


class RegexRewrite(Model):
    """A path rewritten by a regular expression."""

    match: Regex
    rewrite: str


class Rewrite(Model):
    """Another path or host for a request before it is sent on."""

    uri: str = ""
    authority: str = ""
    uri_regex_rewrite: RegexRewrite | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not (self.uri or self.authority or self.uri_regex_rewrite):
            raise ValueError("must hold uri, uriRegexRewrite or authority")
        if self.uri and self.uri_regex_rewrite:
            raise ValueError("must hold uri or uriRegexRewrite, not both")
        return self


class Redirect(Model):
    """The caller is sent elsewhere."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"prefixRewrite"})
    uri: str = ""
    authority: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    derive_port: Literal["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"] | None = None
    scheme: str = ""
    redirect_code: Literal[301, 302, 303, 307, 308] = 301

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if not (self.uri or self.authority or self.scheme or self.port or self.derive_port):
            raise ValueError("must hold uri, authority, scheme or port")
        if self.port and self.derive_port:
            raise ValueError("must hold port or derivePort, not both")
        return self


class Body(Model):
    """The body of an answer."""

    string: str | None = None
    bytes: Annotated[str, AfterValidator(_base64)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.string is None) == (self.bytes is None):
            raise ValueError("must hold string or bytes")
        return self


class DirectResponse(Model):
    """An answer that no service gave."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"headers"})
    status: Annotated[int, Field(ge=200, le=599)]
    body: Body | None = None


class MirrorPolicy(Model):
    """Where a copy of a request goes; nobody waits for its answer."""

    destination: Destination
    percentage: Percent | None = None


class CorsPolicy(Model):
    """Which other origins may call."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"allowOrigin"})
    allow_origins: Many[StringMatch] = ()
    allow_methods: Many[str] = ()
    allow_headers: Many[str] = ()
    expose_headers: Many[str] = ()
    max_age: Annotated[Duration, AfterValidator(_whole_seconds)] | None = None
    allow_credentials: bool | None = None
    unmatched_preflights: Literal["UNSPECIFIED", "FORWARD", "IGNORE"] = "UNSPECIFIED"
