"""Small HTTP servers with a mind of their own, to be loaded by the generator under test."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.ports import free_ports

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Counts the connections and whole requests that reached it, and keeps their first lines and bodies."""

    entry: str = ""
    connections: int = 0
    bodies: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[Server]:
    """Serve on a free port of 127.0.0.1; `behaviour` is called with each whole request's connection."""
    server = Server()
    open_connections: set[asyncio.StreamWriter] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        open_connections.add(writer)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0"
                )
                server.lines.append(head.split(b"\r\n", 1)[0].decode())
                server.bodies.append(await reader.readexactly(int(length.split(b":")[1])))
                await behaviour(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            open_connections.discard(writer)
            writer.close()

    listening = await asyncio.start_server(connection, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    server.entry = f"{host}:{port}"
    try:
        yield server
    finally:
        listening.close()
        for writer in list(open_connections):
            writer.transport.abort()
        await listening.wait_closed()


def answering(status: int, after_s: float = 0.0) -> Behaviour:
    """Answer with a status and an empty object, on a connection that stays open."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after_s)
        writer.write(b"HTTP/1.1 %d Said\r\nContent-Length: 2\r\n\r\n{}" % status)
        await writer.drain()

    return behave


async def remembering(writer: asyncio.StreamWriter) -> None:
    """Answer with what is an old answer, and say so."""
    writer.write(b"HTTP/1.1 200 OK\r\nx-goaround-stale-s: 1.500\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def redirecting(writer: asyncio.StreamWriter) -> None:
    """Send the client elsewhere, to the same server."""
    writer.write(b"HTTP/1.1 307 Elsewhere\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def closing(writer: asyncio.StreamWriter) -> None:
    """Close in an orderly way, without an answer."""
    writer.close()


async def resetting(writer: asyncio.StreamWriter) -> None:
    """Reset the connection, without an answer."""
    linger: socket.socket = writer.get_extra_info("socket")
    linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def breaking_off(writer: asyncio.StreamWriter) -> None:
    """Promise more than is sent, then close."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    await writer.drain()
    writer.close()


async def silent(writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.sleep(60)


def nobody() -> str:
    """Give an address at which nobody listens."""
    return f"127.0.0.1:{free_ports(1)[0]}"
