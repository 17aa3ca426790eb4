"""What a struck request meets: waiting, an error, a reset, silence, or an answer that leaves badly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from aiohttp import web

from services.runtime.faults.kind import Body, Cut, Stage

PIECE_S = 0.02
"""A slow body leaves in pieces, so often."""


async def met(stage: Stage, request: web.Request) -> web.Response | None:
    """Wait as the stage says; returns what stands in for business code's answer, None where it answers itself."""
    if stage.delay_s:
        await asyncio.sleep(stage.delay_s)
    if stage.end is None:
        return None
    if isinstance(stage.end, int):
        asked = {} if stage.retry_after_s is None else {"retry-after": str(stage.retry_after_s)}
        return web.json_response({"error": "fault injected"}, status=stage.end, headers=asked)
    if stage.end is Cut.HANG and stage.over is not None:
        await stage.over.wait()
    _reset(request)
    return web.Response(status=503)  # never sent


async def send(body: Body | None, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Let an answer leave as `body` says; an answer that streams by itself is left alone."""
    if body is None or not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    whole = response.body
    out = web.StreamResponse(status=response.status, headers=response.headers)
    out.content_length = len(whole)
    promised = whole[: int(len(whole) * body.share)]
    with contextlib.suppress(ConnectionError):  # the caller has had enough
        await out.prepare(request)
        size = max(1, int((body.bytes_per_s or len(whole)) * PIECE_S))
        for start in range(0, len(promised), size):
            await out.write(promised[start : start + size])
            if body.bytes_per_s is not None:
                await asyncio.sleep(size / body.bytes_per_s)
    if len(promised) < len(whole) and request.transport is not None:
        request.transport.close()
    return out


def _reset(request: web.Request) -> None:
    """End the connection with RST: closing a socket that lingers for no time at all drops it (RFC 9293, 3.10.5)."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
