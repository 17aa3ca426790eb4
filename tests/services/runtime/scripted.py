"""A real server on 127.0.0.1 that misbehaves by script, and clients of each mode that are led to it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.runtime.clients import Clients, make_clients
from services.runtime.settings import Settings
from tests.ports import free_ports

CALLEE = "image-analysis"
Address = tuple[str, int]


class ScriptedServer:
    """Reads requests and treats each by the next step of its script; the last step repeats.

    A step is a status, or `reset` (after the request), `reset-in-body`, `hang`, `hang-in-body`, `garbage`, or a status
    and a header of its answer, such as `503 retry-after: 1`.
    """

    def __init__(self, *script: int | str) -> None:
        self._script: Sequence[int | str] = script
        self._writers: set[asyncio.StreamWriter] = set()
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.arrived = asyncio.Event()

    async def start(self) -> Address:
        """Listen; return where."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return host, port

    async def stop(self) -> None:
        """End every connection and stop listening."""
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        step = self._script[min(len(self.requests), len(self._script) - 1)]
        self.requests.append((head[0], headers, body))
        self.arrived.set()
        status, _, header = (step, "", "") if isinstance(step, int) else step.partition(" ")
        if isinstance(step, int) or header:
            step = int(status)
            answer = b'{"step": %d}' % step
            extra = b"Location: /elsewhere\r\n" if step == 302 else f"{header}\r\n".encode() if header else b""
            writer.write(b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n%s" % (step, extra, len(answer), answer))
            return True
        if step == "garbage":
            writer.write(b"220 mail.example ESMTP\r\n\r\n")
        elif step.endswith("-in-body"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        if step.startswith("hang"):
            await reader.read()  # until the client gives up
        elif step.startswith("reset"):
            if step == "reset-in-body":
                await asyncio.sleep(0.005)  # else the reset overtakes the head
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


def free_address() -> Address:
    """Return an address where nobody listens."""
    return "127.0.0.1", free_ports(1)[0]


class Recorded:
    """A Recorder that remembers."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.outcomes: list[tuple[int, str | None]] = []
        self.events: list[str] = []
        self.opens: Counter[str] = Counter()
        self.seconds: list[float] = []

    def logical(self, callee: str) -> None:
        """Count."""
        self.counts[f"logical {callee}"] += 1

    def sent(self, callee: str) -> None:
        """Count."""
        self.counts[f"sent {callee}"] += 1

    def outcome(self, callee: str, status: int, flag: str | None, seconds: float) -> None:
        """Remember."""
        self.counts[f"outcome {callee}"] += 1
        self.outcomes.append((status, flag))
        self.seconds.append(seconds)

    def event(self, callee: str, kind: str) -> None:
        """Remember."""
        self.counts[f"event {callee}"] += 1
        self.events.append(kind)

    def opened(self, callee: str, address: str) -> None:
        """Count."""
        self.counts[f"opened {callee}"] += 1
        self.opens[address] += 1


class Led:
    """Clients in one mode, whose callee is led to the given addresses."""

    def __init__(self, clients: Clients, recorded: Recorded, discovery: Path) -> None:
        self.clients, self.recorded, self._discovery = clients, recorded, discovery
        self.client = clients[CALLEE]

    def lead_to(self, *addresses: Address, proxy: Address | None = None) -> None:
        """Replace the discovery file by rename, as the local target does."""
        write_discovery(self._discovery, addresses, proxy)


def write(path: Path, text: str) -> None:
    """Write a file (a small one, for which no test's loop need be spared)."""
    path.write_text(text)


def write_discovery(path: Path, addresses: Sequence[Address], proxy: Address | None = None) -> None:
    """Write a discovery file in one stroke."""
    data: dict[str, Any] = {"services": {f"{CALLEE}:8080": addresses}, "proxy": {"8080": proxy} if proxy else {}}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(data))
    new.rename(path)


@asynccontextmanager
async def led(
    folder: Path, mode: str, *addresses: Address, policy: Mapping[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Led]:
    """Make clients in `mode` and close them afterwards."""
    discovery, policies = folder / "discovery.json", folder / "policies.json"
    write_discovery(discovery, addresses)
    policies.write_text(json.dumps({CALLEE: policy or {}}))
    recorded = Recorded()
    chosen = Settings(
        service_name="collector",
        pod_name="collector-0",
        resilience_mode=mode,
        policies_file=policies,
        discovery_file=discovery,
        **settings,
    )
    clients = make_clients(chosen, recorded)
    try:
        yield Led(clients, recorded, discovery)
    finally:
        await clients.close()


@asynccontextmanager
async def serving(*script: int | str) -> AsyncIterator[tuple[ScriptedServer, Address]]:
    """Run a ScriptedServer."""
    server = ScriptedServer(*script)
    address = await server.start()
    try:
        yield server, address
    finally:
        await server.stop()
