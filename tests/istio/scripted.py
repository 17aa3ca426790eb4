"""A compiled sidecar before upstreams that do what each request asks of them: answer, reset, hang, refuse.

A request says by the header `x-script` what becomes of its tries, one step a try, the last for all that follow:
`503`, `200 grpc-status: 14` (a status with a header), `reset` (once the request has come), `hang` (never an answer).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.istio.running import PODS, Address, Mesh, running_mesh
from tests.istio.world import compiled

SCRIPT, NUMBER, ATTEMPT = "x-script", "x-call-number", "x-envoy-attempt-count"
REFUSED: Address = ("127.0.0.1", 1)
"""Nobody listens on the first port of a machine."""
_BY_IP = {pod: (ip, 8080) for ip, pod in PODS.items()}


@dataclass(frozen=True)
class Seen:
    """One try as an upstream saw it: when (on the loop's clock), by which pod, and what; header names in lower case."""

    at: float
    pod: str
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Scripted:
    """The sidecar, and every try that any of its upstreams saw, in order."""

    mesh: Mesh
    seen: list[Seen] = field(default_factory=list)
    places: dict[str, Address] = field(default_factory=dict)
    """Where pods are that are not where `running_mesh` put them."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def apply(self, text: str) -> None:
        """Publish what these objects compile to."""
        elsewhere = {_BY_IP[pod]: place for pod, place in self.places.items()}
        await self.mesh.sidecar.publish(compiled(text), {**self.mesh.addresses, **elsewhere})

    async def call(self, host: str, path: str = "/", script: str = "200", **headers: str) -> tuple[int, list[Seen]]:
        """Make one call; return its status and its tries."""
        number = str(next(self._numbers))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, _ = await self.mesh.get(host, path=path, headers={SCRIPT: script, NUMBER: number, **named})
        # a try that was given up may still be on its way when the next call is made
        return status, [one for one in self.seen if one.headers.get(NUMBER) == number]

    async def serve(self, pod: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests, which have no bodies."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().rstrip().split("\r\n")
                method, path, _ = first.split(" ")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                self.seen.append(Seen(asyncio.get_running_loop().time(), pod, method, path, headers))
                steps = headers.get(SCRIPT, "200").split("; ")
                step = steps[min(int(headers.get(ATTEMPT, "1")), len(steps)) - 1]
                if step == "reset":
                    writer.transport.abort()
                    return
                if step == "hang":
                    await reader.read()  # until the other side gives up
                    return
                status, _, header = step.partition(" ")
                more = f"{header}\r\n" if header else ""
                writer.write(f"HTTP/1.1 {status} Scripted\r\n{more}content-length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the connection is over, as connections are
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def scripted_mesh(directory: Path, text: str = "") -> AsyncIterator[Scripted]:
    """Run the collector's sidecar with these objects, before a scripted upstream for every pod."""
    async with running_mesh(directory) as mesh, contextlib.AsyncExitStack() as stack:
        scripted = Scripted(mesh)
        for pod in PODS.values():
            scripted.places[pod] = await listening(stack, scripted, pod)
        await scripted.apply(text)
        yield scripted


async def listening(stack: contextlib.AsyncExitStack, scripted: Scripted, pod: str) -> Address:
    """Let a pod listen, and say where."""
    server = await asyncio.start_server(lambda *streams: scripted.serve(pod, *streams), "127.0.0.1", 0)
    stack.callback(server.close)
    address: Address = server.sockets[0].getsockname()
    return address
