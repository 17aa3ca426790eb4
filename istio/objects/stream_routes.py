"""Routes of connections that nobody reads: by the name of a TLS handshake, or by port and address alone."""

from __future__ import annotations

import ipaddress
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from istio.objects.model import Host, Int32, Labels, Many, Model
from istio.objects.route_actions import Destination


def _subnet(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError(f"must be an address or a CIDR block, not {value!r}") from None
    return value


class StreamDestination(Model):
    """One destination and its share of the connections."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"headers"})
    destination: Destination
    weight: Int32 = 0


class StreamMatch(Model):
    """What a connection's address and its caller must be."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"sourceSubnet"})
    destination_subnets: Many[Annotated[str, AfterValidator(_subnet)]] = ()
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    source_labels: Annotated[Labels, Field(default_factory=dict)]
    source_namespace: str = ""
    gateways: Many[str] = ()


class TlsMatch(StreamMatch):
    """And what its handshake must ask for."""

    sni_hosts: Annotated[Many[Host], Field(min_length=1)]


class TcpRoute(Model):
    """Where connections go that one of ``match`` fits; all, when there is none."""

    match: Many[StreamMatch] = ()
    route: Annotated[Many[StreamDestination], Field(min_length=1)]


class TlsRoute(Model):
    """Where connections go whose handshake one of ``match`` fits."""

    match: Annotated[Many[TlsMatch], Field(min_length=1)]
    route: Annotated[Many[StreamDestination], Field(min_length=1)]
