"""Where a service's name leads: one address for each new connection, as kube-proxy or a sidecar's iptables do it."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Protocol

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

Address = tuple[str, int]
_NOBODY: list[Address] = []
UNKNOWN_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
"""How a resolver says that a name has no address: a headless Service without a ready pod has none."""
DNS_AGE_S = 1.0
Lookup = Callable[[str, int], Awaitable[list[Address]]]


class Replicas(Protocol):
    """Tells the client that sees every replica who is ready."""

    async def replicas(self, host: str, port: int) -> list[Address]:
        """The ready replicas of a service; the same list, unless they have changed. OSError where nobody can tell."""


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

    async def replicas(self, host: str, port: int) -> list[Address]:
        """The ready replicas of a service; the same list, unless the file has changed."""
        return self.listed(host, port)

    def listed(self, host: str, port: int) -> list[Address]:
        """The same, at once."""
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


class DnsReplicas:
    """Reads the replicas of NAME from the addresses of NAME+suffix: a headless Service has one for each ready pod.

    Nothing goes on in the background: an answer that is older than DNS_AGE_S is asked for anew beside the call that
    finds it so, which itself uses the old one. Only the first call of a service waits. How soon a change is seen is
    the cluster's DNS's business too: it may keep an answer for some seconds.
    """

    def __init__(self, suffix: str, lookup: Lookup | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._suffix, self._lookup, self._clock = suffix, lookup or _addresses, clock
        self._known: dict[tuple[str, int], list[Address]] = {}
        self._asked: dict[tuple[str, int], float] = {}
        self._asking: dict[tuple[str, int], asyncio.Task[None]] = {}

    async def replicas(self, host: str, port: int) -> list[Address]:
        """The ready replicas as last told; raises OSError when DNS has never answered for this service."""
        key = (host, port)
        if key not in self._asking and self._clock() - self._asked.get(key, -DNS_AGE_S) >= DNS_AGE_S:
            self._asking[key] = asyncio.create_task(self._ask(key))
        if key not in self._known and key in self._asking:
            await asyncio.shield(self._asking[key])
        if key not in self._known:
            raise OSError(errno.EAGAIN, f"DNS does not answer for {host}{self._suffix}")
        return self._known[key]

    async def _ask(self, key: tuple[str, int]) -> None:
        host, port = key
        found: list[Address] | None
        try:
            found = sorted(await self._lookup(f"{host}{self._suffix}", port))
        except socket.gaierror as error:
            # a name server that fails tells nothing: who was ready stays so
            found = _NOBODY if error.errno in UNKNOWN_NAME else self._known.get(key)
        finally:
            self._asked[key] = self._clock()
            del self._asking[key]
        if found is not None and found != self._known.get(key):
            self._known[key] = found


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
            replicas = self._file.listed(host, port)
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


async def _addresses(name: str, port: int) -> list[Address]:
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list({(str(address[0]), int(address[1])) for *_, address in found})


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
