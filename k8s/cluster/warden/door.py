"""Who may come in where a token is asked for, and by which header and port: a warden's, and those of its kind.

It is in the services' image, like all of this package, and imports nothing else of ours. The services have their own
(`services.runtime.token`), since no arrow leads from one to the other; a test holds the two to one header.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

HEADER = "x-goaround-token"
"""The header in which a request carries the token."""
PORT = 9091
"""Where a warden listens."""


def guard(token: str, open_to_all: Collection[str], refuse: Callable[[], web.Response]) -> Middleware:
    """Make a middleware that refuses every request without the token, but for those to paths that are open to all."""
    right = token.encode()

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        # what is no UTF-8 comes as surrogates, which would not be encoded otherwise
        said = request.headers.get(HEADER, "").encode(errors="surrogateescape")
        # in the same time however much of it is right, or it could be found out letter by letter
        if request.path in open_to_all or hmac.compare_digest(said, right):
            return await handler(request)
        return refuse()

    return admit
