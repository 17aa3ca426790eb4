"""Where a harness in a cluster can be asked: what it has said, what it has measured, how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TextIO

from aiohttp import web

from benchmarks.results import CHECKSUMS, Run
from benchmarks.storage import digest
from k8s.cluster.warden.door import HEADER, guard

OPEN = frozenset({"/livez"})
WAIT_S = 8.0
"""How long a question for news is held back when there are none: shorter than an API server's patience."""


class Desk(io.TextIOBase):
    """A stream for a console, whose lines can be asked for from afar; they go to `output` too.

    GET /news?after=N (lines after the first N, held back until there are some), GET /files/NAME, POST /collected;
    all but GET /livez with the run's token. A file is given once checksums.txt names it, which is when it is whole.
    """

    def __init__(self, run: Run, token: str, output: TextIO) -> None:
        super().__init__()
        self._run, self._token, self._output = run, token, output
        self._lines: list[str] = []
        self._part = ""
        self._code: int | None = None
        self._errors: tuple[str, ...] = ()
        self._changed = asyncio.Event()
        self._collected = asyncio.Event()

    def write(self, text: str) -> int:
        """Take what a console prints, and note every line that is complete."""
        self._output.write(text)
        *lines, self._part = (self._part + text).split("\n")
        if lines:
            self._lines += lines
            self._tell()
        return len(text)

    def flush(self) -> None:
        """Pass it on."""
        self._output.flush()

    def over(self, code: int, errors: Sequence[str] = ()) -> None:
        """Note how the bench has ended: its exit code, and what was wrong."""
        self._code, self._errors = code, tuple(errors)
        self._tell()

    @property
    def code(self) -> int:
        """The exit code of a bench that is over. Raises RuntimeError before."""
        if self._code is None:
            raise RuntimeError("the bench is not over")
        return self._code

    async def collected(self, within_s: float) -> bool:
        """Wait until somebody says that everything has been fetched; False when nobody does."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._collected.wait(), within_s)
        return self._collected.is_set()

    @asynccontextmanager
    async def open(self, port: int, host: str = "0.0.0.0") -> AsyncIterator[int]:  # noqa: S104 - of a pod, behind a token
        """Answer until this ends; gives the port."""
        app = web.Application(middlewares=[guard(self._token, OPEN, _without_token)])
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/news", self._news)
        app.router.add_get("/files/{name:.+}", self._file)
        app.router.add_post("/collected", self._take_note)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _livez(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text="ok")

    async def _news(self, request: web.Request) -> web.StreamResponse:
        after = request.query.get("after", "0")
        if not after.isdecimal():
            return web.json_response({"message": f"after: {after!r}: must be a number of lines"}, status=400)
        if len(self._lines) <= int(after) and self._code is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), WAIT_S)
        listed = (self._run.folder / CHECKSUMS).read_bytes()
        return web.json_response(
            {
                "lines": self._lines[int(after) :],
                "files": digest(listed),
                "code": self._code,
                "errors": self._errors,
            }
        )

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name != CHECKSUMS and name not in self._run.checksums():
            return web.json_response({"message": f"no file {name!r} is in this run"}, status=400)
        return web.Response(body=(self._run.folder / name).read_bytes(), content_type="application/octet-stream")

    async def _take_note(self, _request: web.Request) -> web.StreamResponse:
        self._collected.set()
        return web.Response(status=204)


def _without_token() -> web.Response:
    # not 401, which the API server's clients take for a word about themselves
    return web.json_response({"message": f"{HEADER}: is missing, or not this run's"}, status=403)
