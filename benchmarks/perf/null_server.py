"""A server that answers every request at once, and may stall: what is left of a latency is the generator's own.

`python -m benchmarks.perf.null_server [STALL_AT_S STALL_S]` prints its port and serves until stdin closes. It stalls as
a paused process does: STALL_AT_S seconds after the first request it does nothing at all for STALL_S seconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HEAD_END, LENGTH = b"\r\n\r\n", b"content-length:"


class NullProtocol(asyncio.Protocol):
    """One connection: each whole request is answered, whatever it asks for."""

    stall: tuple[float, float] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing read."""
        self._transport, self._read = cast(asyncio.Transport, transport), b""

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        if NullProtocol.stall:
            at_s, for_s = NullProtocol.stall
            NullProtocol.stall = None
            asyncio.get_running_loop().call_later(at_s, time.sleep, for_s)
        self._read += data
        while (end := self._read.find(HEAD_END)) >= 0:
            head = self._read[:end].lower()
            length = int(head.partition(LENGTH)[2].partition(b"\r\n")[0] or 0)
            whole = end + len(HEAD_END) + length
            if len(self._read) < whole:
                return
            self._read = self._read[whole:]
            self._transport.write(ANSWER)


async def main() -> None:
    """Serve on a free port of 127.0.0.1 until stdin closes."""
    if sys.argv[1:]:
        at_s, for_s = map(float, sys.argv[1:])
        NullProtocol.stall = at_s, for_s
    loop = asyncio.get_running_loop()
    server = await loop.create_server(NullProtocol, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
