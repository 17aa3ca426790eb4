"""Names that istiod gives to things, and how it resolves the names that objects give."""

from __future__ import annotations

from collections.abc import Sequence

from istio.registry import DOMAIN

BLACK_HOLE = "BlackHoleCluster"
PASSTHROUGH = "PassthroughCluster"
INBOUND_PASSTHROUGH = "InboundPassthroughCluster"
MESH = "mesh"
ROOT_NAMESPACE = "istio-system"


def outbound_cluster(port: int, subset: str, hostname: str) -> str:
    """``outbound|8080|v1|cpanel.airport.svc.cluster.local``; the subset may be empty."""
    return f"outbound|{port}|{subset}|{hostname}"


def service_name_indication(port: int, subset: str, hostname: str) -> str:
    """``outbound_.8080_.v1_.cpanel.airport.svc.cluster.local``: what a caller names in its TLS handshake."""
    return f"outbound_.{port}_.{subset}_.{hostname}"


def inbound_cluster(target_port: int) -> str:
    """``inbound|8080||``."""
    return f"inbound|{target_port}||"


def stats_name(name: str) -> str:
    """End a statistics prefix where the name ends, because names hold dots (networking/util, since 1.23)."""
    return f"{name};"


def qualified(host: str, namespace: str) -> str:
    """Return a host as an object writes it -> fully qualified (pilot/pkg/model/config.go, ResolveShortnameToFQDN)."""
    return host if "." in host or host == "*" else f"{host}.{namespace}.svc.{DOMAIN}"


def in_mesh(gateways: Sequence[str]) -> bool:
    """Whether a VirtualService that names these gateways speaks to sidecars."""
    return not gateways or MESH in gateways


def matches(pattern: str, hostname: str) -> bool:
    """Whether a host that may start with ``*`` covers a hostname."""
    return hostname.endswith(pattern[1:]) if pattern.startswith("*") else pattern == hostname
