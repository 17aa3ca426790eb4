"""A `/status` that can be made to fail on one replica, for the demo of outlier detection."""

from __future__ import annotations

from aiohttp import web


class Toggle:
    """`GET /status` says which replica answered; `GET /fault` switches it between 200 and 503."""

    def __init__(self, title: str, pod: str) -> None:
        self._title = title
        self._pod = pod
        self._faulty = False

    def routes(self) -> list[web.RouteDef]:
        """Return both routes."""
        return [web.get("/status", self._status), web.get("/fault", self._toggle)]

    async def reset(self) -> None:
        """Be healthy again."""
        self._faulty = False

    async def _toggle(self, request: web.Request) -> web.Response:
        self._faulty = not self._faulty
        return web.Response(text=self._text())

    async def _status(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._text(), status=503 if self._faulty else 200)

    def _text(self) -> str:
        return f"{self._title} : {'Faulty' if self._faulty else 'Online'} - {self._pod}"
