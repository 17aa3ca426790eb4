"""Who may use the fault control of a port that listens for everybody: whoever sends the token."""

from __future__ import annotations

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

HEADER = "x-goaround-token"
OPEN = frozenset({"/metrics"})
"""Paths that anybody may ask: they tell what Prometheus scrapes, and change nothing."""


def guard(token: str) -> Middleware:
    """Make a middleware that answers 401 to every request without the token, but for those to OPEN."""
    right = token.encode()

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        said = request.headers.get(HEADER, "").encode(errors="surrogateescape")
        # in the same time however much of it is right, or it could be found out letter by letter
        if request.path in OPEN or hmac.compare_digest(said, right):
            return await handler(request)
        return web.json_response({"errors": [f"header {HEADER}: must be this world's token"]}, status=401)

    return admit
