"""A browser drives both dashboards and the live graph of a real world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from benchmarks.watch.watcher import View, views
from benchmarks.watch.web import make_app
from k8s.local.client import LocalWorld
from tests.benchmarks.watch.worlds import clear, inject, pods, running
from tests.browser import Page, browser, needs_browser

EDGE = "document.querySelector('[data-edge=\"collector->image-analysis\"]')"
SLOW_S = 60.0
"""Three browsers' worth of work on a machine that does other things too."""


async def _dashboard(page: Page, world: LocalWorld, version: str, camera: int) -> None:
    """Switch a camera on, see its frames arrive and an alert, and delete the alert."""
    (panel,) = [pod for pod in await pods(world, "cpanel") if pod.version == version]
    card = f"document.querySelector('[data-camera=\"{camera}\"]')"
    await page.open(f"http://{panel.entry}/")
    assert await page.evaluate("document.querySelector('h1').textContent") == f"Dashboard {version.upper()}"
    await page.until(f"{card}?.querySelector('p').textContent", SLOW_S)
    assert await page.evaluate(f"{card}.querySelector('button').getAttribute('aria-pressed')") == "false"
    await page.evaluate("document.getElementById('fps').value = 5")
    await page.evaluate(f"{card}.querySelector('button').click()")
    await page.until(f"Number({card}.dataset.cycle) >= 3", SLOW_S)
    await page.until("document.querySelector('#analysis ul, #analysis img')", SLOW_S)
    assert await page.evaluate("document.getElementById('answered').textContent") == f"{panel.name}, {version}"
    await page.until("document.querySelector('[data-alert]')", SLOW_S)
    alert = await page.evaluate("document.querySelector('[data-alert]').dataset.alert")
    if version == "v2":
        await page.evaluate(f"document.querySelector('[aria-label=\"Photo of alert {alert}\"]').click()")
        await page.until(f"document.querySelector('[data-alert=\"{alert}\"] img')?.naturalWidth > 0", SLOW_S)
    else:
        assert await page.evaluate("document.images.length") == 0
    await page.evaluate(f"document.querySelector('[aria-label=\"Delete alert {alert}\"]').click()")
    await page.until(f"!document.querySelector('[data-alert=\"{alert}\"]')", SLOW_S)
    async with aiohttp.ClientSession() as http, http.get(f"http://{panel.entry}/alerts/{alert}") as answer:
        assert answer.status == 404
    assert page.errors == []


@needs_browser
@pytest.mark.timeout(300)
async def test_cameras_frames_alerts_and_a_fault_that_turns_an_edge_red_and_back(tmp_path: Path) -> None:
    async with running(tmp_path, "library") as world, aiohttp.ClientSession() as http, browser() as page:
        await _dashboard(page, world, "v1", 1)
        await _dashboard(page, world, "v2", 2)
        async with _graph(page, world, http):
            await _turns_red_and_back(page, world, http)


@needs_browser
@pytest.mark.timeout(300)
async def test_an_edge_between_sidecars_turns_red_under_a_fault_and_back(tmp_path: Path) -> None:
    async with running(tmp_path, "mesh") as world, aiohttp.ClientSession() as http, browser() as page:
        (panel,) = [pod for pod in await pods(world, "cpanel") if pod.version == "v1"]
        async with http.get(f"http://{panel.entry}/production?toggle=on") as answer:
            assert answer.status == 200, await answer.text()
        async with _graph(page, world, http) as newest:
            await _turns_red_and_back(page, world, http)
            assert newest[-1].mode == "mesh"


@asynccontextmanager
async def _graph(page: Page, world: LocalWorld, http: aiohttp.ClientSession) -> AsyncIterator[list[View]]:
    """Open the live graph of a world; gives its newest view, once there is one."""
    newest: list[View] = []
    seen = asyncio.Event()

    async def watch() -> None:
        async with aclosing(views(world, http)) as each:
            async for view in each:
                newest[:] = [view]
                seen.set()

    watching = asyncio.create_task(watch())
    try:
        await asyncio.wait_for(seen.wait(), SLOW_S)
        async with TestServer(make_app(lambda: newest[-1] if newest else None)) as server:
            await page.open(str(server.make_url("/")))
            yield newest
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _turns_red_and_back(page: Page, world: LocalWorld, http: aiohttp.ClientSession) -> None:
    await page.until(f"{EDGE}?.classList.contains('healthy')", SLOW_S)
    victims = await pods(world, "image-analysis")
    await inject(http, victims, kind="abort", status=503, rate=1)
    await page.until(f"{EDGE}.classList.contains('failing')", SLOW_S)
    assert "collector->image-analysis" in await page.evaluate("document.getElementById('state').textContent")
    await clear(http, victims)
    await page.until(f"{EDGE}.classList.contains('healthy')", SLOW_S)
    assert page.errors == []
