"""The app port as something that can be shut and opened again while the pod runs."""

from __future__ import annotations

from aiohttp import web

BACKLOG = 1024


class ListeningDoor:
    """Listens for a runner that was set up; once `locked`, it stays as it is: the pod is ending."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self._runner, self._host, self._port = runner, host, port
        self._site: web.TCPSite | None = None
        self.locked = False

    async def open(self) -> None:
        """Listen; raises OSError where the port cannot be had."""
        if self._site is None and not self.locked:
            site = web.TCPSite(self._runner, self._host, self._port, backlog=BACKLOG)
            await site.start()
            self._site = site

    async def shut(self) -> None:
        """Listen no more, and close every connection, whatever goes on in it."""
        if self._site is None or self.locked:
            return
        site, self._site = self._site, None
        await site.stop()
        if self._runner.server:
            for connection in list(self._runner.server.connections):
                connection.force_close()
