"""The live graph: a page on this machine's loopback, and the view that it draws each second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from benchmarks.watch.watcher import View

STATIC = Path(__file__).with_name("static")
FILES = {
    "/": ("graph.html", "text/html"),
    "/graph.js": ("graph.js", "text/javascript"),
    "/graph.css": ("graph.css", "text/css"),
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def make_app(newest: Callable[[], View | None]) -> web.Application:
    """Serve the page, and at /view what `newest` gives (503 while there is nothing to show)."""
    app = web.Application()

    async def view(_request: web.Request) -> web.Response:
        now = newest()
        if now is None:
            return web.json_response({"error": "the world has not answered yet"}, status=503)
        return web.json_response(now.to_json(), headers=HEADERS)

    app.add_routes([web.get("/view", view), *(web.get(path, _file(*what)) for path, what in FILES.items())])
    return app


def _file(name: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    text = (STATIC / name).read_text(encoding="utf-8")

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind, headers=HEADERS)

    return serve
