"""Where a service's name leads: one address for each new connection, as kube-proxy or a sidecar's iptables do it."""

from __future__ import annotations

import errno
import json
import socket
from pathlib import Path
from random import Random

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

Address = tuple[str, int]
_NOBODY: list[Address] = []


class DiscoveryFile:
    """Reads DISCOVERY_FILE: `{"services": {"NAME:PORT": [[host, port], ...]}, "proxy": {"PORT": [host, port]}}`.

    The file is replaced by rename, and read again as soon as it is another file or has another time. Every question
    raises OSError where it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._services: dict[str, list[Address]] = {}
        self._proxies: dict[str, Address] = {}

    def replicas(self, host: str, port: int) -> list[Address]:
        """The ready replicas of a service; the same list, unless the file has changed."""
        self._read()
        return self._services.get(f"{host}:{port}", _NOBODY)

    def proxy(self, port: int) -> Address | None:
        """Where every connection to a port goes, if a sidecar takes it."""
        self._read()
        return self._proxies.get(str(port))

    def _read(self) -> None:
        stat = self._path.stat()
        if self._seen == (stat.st_ino, stat.st_mtime_ns):
            return
        try:
            data = json.loads(self._path.read_bytes())
            services = {name: [_address(pair) for pair in pairs] for name, pairs in data.get("services", {}).items()}
            proxies = {port: _address(pair) for port, pair in data.get("proxy", {}).items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise OSError(errno.EINVAL, f"DISCOVERY_FILE {self._path}: not a discovery file: {error}") from error
        self._services, self._proxies = services, proxies
        self._seen = (stat.st_ino, stat.st_mtime_ns)


class FileResolver(AbstractResolver):
    """Resolves names by a DiscoveryFile: to the sidecar that takes the port, else to one replica drawn from `rng`."""

    def __init__(self, path: Path, rng: Random) -> None:
        self._file = DiscoveryFile(path)
        self._rng = rng

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return exactly one address, so that aiohttp has nothing to fall back on; its port is honoured too.

        Raises ConnectionRefusedError where there is no replica, OSError where the file cannot be read.
        """
        address = self._file.proxy(port)
        if address is None:
            replicas = self._file.replicas(host, port)
            if not replicas:
                raise ConnectionRefusedError(errno.ECONNREFUSED, f"no replica of {host}:{port}")
            address = self._rng.choice(replicas)
        return [_result(host, address)]

    async def close(self) -> None:
        """Nothing is held open."""


class DnsResolver(AbstractResolver):
    """aiohttp's own resolver, cut to the first address: given several, aiohttp would try the next in silence."""

    def __init__(self) -> None:
        self._dns = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the first address of `host`; raises OSError as the system's resolver does."""
        return (await self._dns.resolve(host, port, family))[:1]

    async def close(self) -> None:
        """Release aiohttp's resolver."""
        await self._dns.close()


def _address(pair: object) -> Address:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError(f"an address is [host, port], not {pair!r}")
    return str(pair[0]), int(pair[1])


def _result(name: str, address: Address) -> ResolveResult:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return ResolveResult(
        hostname=name, host=host, port=port, family=family, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST
    )
