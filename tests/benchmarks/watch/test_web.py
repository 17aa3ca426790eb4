"""The live graph, drawn by a real browser from views that a test gives."""

from __future__ import annotations

from dataclasses import replace

from aiohttp.test_utils import TestClient, TestServer

from benchmarks.watch.edge import Edge
from benchmarks.watch.watcher import View
from benchmarks.watch.web import make_app
from tests.browser import browser, needs_browser

FINE = Edge("collector", "alerts", 2.0, 2.0, 1.0, 12.0, 0.0, 0.0, 0.0, 0, "")
OTHER = Edge("alerts", "momentum", 1.0, 1.0, 1.0, 3.0, 0.0, 0.0, 0.0, 0, "")
HEALTHY = View("airport", "mesh", [FINE, OTHER], [])
FAILING = View("airport", "mesh", [replace(FINE, success=0.5, ejected=1, breakers="1 open"), OTHER], ["alerts-0"])


async def test_before_the_first_view_the_server_says_so() -> None:
    async with TestClient(TestServer(make_app(lambda: None))) as http:
        assert (await http.get("/view")).status == 503
        assert "Content-Security-Policy" in (await http.get("/")).headers


@needs_browser
async def test_an_edge_turns_red_and_back_and_tells_its_figures_to_the_keyboard() -> None:
    now = [HEALTHY]
    edge = "document.querySelector('[data-edge=\"collector->alerts\"]')"
    async with TestServer(make_app(lambda: now[0])) as server, browser() as page:
        await page.open(str(server.make_url("/")))
        await page.until(f"{edge}.classList.contains('healthy')")
        green = await page.evaluate(f"getComputedStyle({edge}).stroke")
        now[0] = FAILING
        await page.until(f"{edge}.classList.contains('failing')")
        assert await page.evaluate(f"getComputedStyle({edge}).stroke") == "rgb(197, 34, 31)"
        state = await page.evaluate("document.getElementById('state').textContent")
        assert state == "failing: collector->alerts; no answer from: alerts-0"
        for _ in range(2):  # to what scrolls, and to the first edge
            for kind in ("keyDown", "keyUp"):
                await page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        assert "50.0 % succeed" in await page.evaluate("document.getElementById('edge').textContent")
        now[0] = HEALTHY
        await page.until(f"{edge}.classList.contains('healthy')")
        assert await page.evaluate(f"getComputedStyle({edge}).stroke") == green
        now[0] = View("airport", "mesh", [replace(FINE, callee="<img src=x onerror=alert(1)>")], [])
        await page.until("document.querySelectorAll('.edge').length === 1")
        assert await page.evaluate("document.querySelectorAll('img').length") == 0
        assert page.errors == []
