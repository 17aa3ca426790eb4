"""A headless Chromium for tests of pages, driven over its DevTools protocol; left out, with a line, where none is."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
START_S, WAIT_S, POLL_S = 20.0, 30.0, 0.1

CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason=f"no browser: none of {', '.join(NAMES)} is on PATH")


class PageError(AssertionError):
    """The page did not do what was waited for; the text says what, and what its console said."""


class Page:
    """One page. `errors` are the lines of its console that say error, and exceptions that nobody caught."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.errors: list[str] = []
        self._socket = socket
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listening = asyncio.create_task(self._listen())

    async def open(self, url: str) -> None:
        """Open an address, and wait until everything that it names is loaded."""
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def evaluate(self, expression: str) -> Any:
        """Give what a JavaScript expression is, as JSON can say it; a promise is waited for."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise PageError(f"{expression}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    async def until(self, expression: str, within_s: float = WAIT_S) -> None:
        """Wait until a JavaScript expression is true; while the page changes, it may throw."""
        last: object = None
        try:
            async with asyncio.timeout(within_s):
                while True:
                    try:
                        if last := await self.evaluate(f"Boolean({expression})"):
                            return
                    except PageError as error:
                        last = error
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise PageError(f"not within {within_s:g} s: {expression} (last: {last}); console: {self.errors}") from None

    async def look(self, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Set the size of the window, and whether the reader prefers dark pages."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self) -> bytes:
        """Give what the whole page looks like, PNG."""
        answer = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    async def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the DevTools protocol."""
        number = len(self._answers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(answer, WAIT_S)

    async def close(self) -> None:
        """Listen no more."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            match said:
                case {"id": number, "error": error}:
                    self._answers[number].set_exception(PageError(str(error)))
                case {"id": number, "result": result}:
                    self._answers[number].set_result(result)
                case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": details}}:
                    self.errors.append(details.get("exception", {}).get("description") or details["text"])
                case {"method": "Runtime.consoleAPICalled", "params": {"type": "error", "args": args}}:
                    self.errors.append(" ".join(str(one.get("value", one.get("description"))) for one in args))
                case {"method": "Log.entryAdded", "params": {"entry": {"level": "error"} as entry}}:
                    self.errors.append(f"{entry['text']} {entry.get('url', '')}".strip())


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """Start a browser with a profile of its own, and give its one page; both are gone at the end."""
    assert CHROMIUM, "mark the test with `needs_browser`"
    with tempfile.TemporaryDirectory(prefix="goaround-browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await asyncio.to_thread(_port, Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                    pages = [each for each in await answer.json() if each["type"] == "page"]
                async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    for domain in ("Page", "Runtime", "Log"):
                        await page.call(f"{domain}.enable")
                    yield page
                    await page.close()
        finally:
            process.terminate()
            await process.wait()


def _port(file: Path) -> int:
    """Wait until Chromium has written where it listens; it says so in no other way."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(POLL_S)
    raise PageError(f"{CHROMIUM} did not start within {START_S:g} s")
