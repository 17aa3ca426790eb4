"""How whoever measures a world comes to the ports of its pods: from inside the cluster, or by another way."""

from __future__ import annotations

from typing import Protocol


class Reach(Protocol):
    """A way to the pods of a cluster."""

    def address(self, namespace: str, pod: str, ip: str, port: int) -> str:
        """Return what stands between `http://` and a request's path (HOST:PORT, or HOST:PORT and more path)."""


class Inside:
    """The way of a process in the cluster's own network."""

    def address(self, _namespace: str, _pod: str, ip: str, port: int) -> str:
        """Return the pod's own IP:PORT."""
        return joined(ip, port)


def joined(host: str, port: int) -> str:
    """HOST:PORT as it stands in a URL: an IPv6 address is put in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
