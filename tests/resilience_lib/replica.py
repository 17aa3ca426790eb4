"""A scripted replica: what it does with each request that reaches it, over a real socket."""

from __future__ import annotations

import asyncio
from typing import Literal, NamedTuple

Step = int | Literal["reset", "hang", "hold"]
"""A status to answer with; or to reset the connection once the request has come; or never to answer; or to answer with
what somebody decides later."""


class Held(NamedTuple):
    """A request that waits for its answer: its path without the slash, and where to put the status."""

    path: str
    answer: asyncio.Future[int]


class Replica:
    """Plays a script, a step for each request, on whatever connections they come; after its end it answers 200."""

    def __init__(self, name: str, met: list[str]) -> None:
        self._name = name
        self._met = met
        self.script: list[Step] = []
        self.held: list[Held] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests, which have no bodies."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self._met.append(self._name)
                step: Step = self.script.pop(0) if self.script else 200
                if step == "reset":
                    writer.transport.abort()
                    return
                if step == "hang":
                    await reader.read()  # until the other side gives up
                    return
                if step == "hold":
                    step = await self._hold(head)
                writer.write(f"HTTP/1.1 {step} Scripted\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the connection is over, as connections are
        finally:
            writer.close()

    async def _hold(self, head: bytes) -> int:
        path = head.split(b" ", 2)[1].decode().removeprefix("/")
        held = Held(path, asyncio.get_running_loop().create_future())
        self.held.append(held)
        return await held.answer
