"""An upstream that refuses every stream: just so much of HTTP/2 (RFC 9113) as that takes."""

from __future__ import annotations

import asyncio

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADERS, _RST_STREAM, _SETTINGS, _PING = 1, 3, 4, 6
_ACK, _REFUSED_STREAM = 1, 7


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


class RefusesStreams:
    """Counts the requests that it refuses."""

    def __init__(self) -> None:
        self.refused = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        try:
            await reader.readexactly(len(_PREFACE))
            writer.write(_frame(_SETTINGS, 0, 0))
            while True:
                head = await reader.readexactly(9)
                kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
                payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
                if kind == _SETTINGS and not flags & _ACK:
                    writer.write(_frame(_SETTINGS, _ACK, 0))
                elif kind == _PING and not flags & _ACK:
                    writer.write(_frame(_PING, _ACK, 0, payload))
                elif kind == _HEADERS:
                    self.refused += 1
                    writer.write(_frame(_RST_STREAM, 0, stream, _REFUSED_STREAM.to_bytes(4, "big")))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the connection is over, as connections are
        finally:
            writer.close()
