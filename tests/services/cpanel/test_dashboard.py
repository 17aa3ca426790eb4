"""The page of the dashboard: what others wrote stays text in it, as the server sends it and in a real browser."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from services.airport.messages import Alert, Person, Statistics
from services.cpanel.application import build
from services.cpanel.dashboard import STATIC
from services.runtime.clients import Reply
from tests.browser import browser, needs_browser
from tests.services.scripted import NOON, ScriptedClient, ScriptedClients, Served, reply, serving, settings_of

HOSTILE = (
    "<script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=1">',
    "' onmouseover='window.hacked=1",
    "</ul></section><svg onload=window.hacked=1>",
    "{version}{0.__class__}",
    "&lt;script&gt;window.hacked=1&lt;/script&gt;",
)
EVERYTHING = " ".join(HOSTILE)
NOT_A_PHOTO = "PHNjcmlwdD53aW5kb3cuaGFja2VkPTE8L3NjcmlwdD4="
"""Base64 of a script."""
ANALYSIS = Statistics("f", NOON, 1, "exit", (Person(EVERYTHING, EVERYTHING),), NOT_A_PHOTO).to_json()
ALERT = Alert("f", NOON, 1, "exit", NOT_A_PHOTO, HOSTILE).to_json()
CONFIG: dict[str, Any] = {
    "cameras": [
        {"id": 1, "description": EVERYTHING, "url": "http://camera-agent-1:8080", "section": 1, "type": "exit"}
    ],
    "sections": [{"id": 1, "description": EVERYTHING, "url": "http://section-1:8080"}],
}


class Airport(ScriptedClient):
    """Answers by method and path, as all other services would that were full of hostile texts."""

    async def request(self, method: str, path: str, **_: Any) -> Reply:
        """Answer."""
        frame = {"timestamp": EVERYTHING, "section": EVERYTHING, "event": EVERYTHING, "image": EVERYTHING}
        listed = {**ALERT, "id": 7}
        answers: dict[tuple[str, str], Reply] = {
            ("GET", "/analysis"): reply(200, ANALYSIS),
            ("GET", "/alert"): reply(200, ALERT),
            ("GET", "/state"): reply(200, {"streaming": True, "cycle": EVERYTHING, "fps": EVERYTHING}),
            ("GET", "/frame"): reply(200, {**frame, "extra-info": {EVERYTHING: EVERYTHING}}),
            ("GET", "/persons"): reply(200, {"count": EVERYTHING}),
            ("GET", "/status"): Reply(200, EVERYTHING.encode(), None, 1),
            ("GET", "/"): reply(200, {"alerts": [listed]}),
            ("GET", "/7"): reply(200, {**listed, "image": "javascript:window.hacked=1"}),
            ("DELETE", "/7"): reply(409, {"error": EVERYTHING}),
        }
        return answers[method, path]


class Everybody(ScriptedClients):
    """The same airport behind every name."""

    def __getitem__(self, name: str) -> ScriptedClient:
        return Airport()


def serve(tmp_path: Path, clients: ScriptedClients, version: str = "v2") -> AbstractAsyncContextManager[Served]:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    return serving(build, settings_of(tmp_path, "cpanel", CONFIG_FILE=str(path), SERVICE_VERSION=version), clients)


class Tags(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data


async def test_hostile_texts_make_no_element_and_no_attribute_and_can_be_read(tmp_path: Path) -> None:
    harmless = {**ANALYSIS, "persons": [{"age": "25-32", "gender": "female"}]}
    named = {**ALERT, "persons": [{"name": "Eve"} for _ in HOSTILE]}
    async with serve(tmp_path, ScriptedClients(momentum=[reply(200, harmless), reply(200, named)])) as served:
        plain = Tags(await (await served.http.get("/")).text())
    async with serve(tmp_path, ScriptedClients(momentum=[reply(200, ANALYSIS), reply(200, ALERT)])) as served:
        hostile = Tags(await (await served.http.get("/")).text())
    assert hostile.found == plain.found
    assert all(text in hostile.said for text in HOSTILE)


@pytest.mark.parametrize("wrong", [b"<script>", b"[]", b'{"timestamp": 1}', b'{"timestamp": "x", "section": "<"}'])
async def test_what_is_no_message_is_not_shown(wrong: bytes, tmp_path: Path) -> None:
    async with serve(tmp_path, ScriptedClients(momentum=Reply(200, wrong, None, 1))) as served:
        answer = await served.http.get("/")
        assert answer.status == 200
        assert (await answer.text()).count("<p>not available</p>") == 2


async def test_the_page_may_load_and_run_only_what_this_service_serves(tmp_path: Path) -> None:
    async with serve(tmp_path, ScriptedClients(momentum=reply(200, {"persons": []}))) as served:
        answer = await served.http.get("/")
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        loads = [values.get("src") or values.get("href") for tag, values in Tags(await answer.text()).found
                 if tag in ("script", "link", "img")]  # fmt: skip
        for path in loads:
            assert path == "data:," or (await served.http.get(str(path))).status == 200
        for name in ("dashboard.css", "dashboard.js"):
            asset = await served.http.get(f"/static/{name}")
            assert (await asset.read()) == (STATIC / name).read_bytes()
        assert (await served.http.get("/static/..%2fapplication.py")).status == 404


async def test_what_is_passed_on_is_never_taken_for_a_page(tmp_path: Path) -> None:
    async with serve(tmp_path, ScriptedClients(section_1=Reply(200, b"<script>1</script>", None, 1))) as served:
        answer = await served.http.get("/sections/1/status")
        assert (answer.content_type, answer.headers["X-Content-Type-Options"]) == ("text/plain", "nosniff")


@needs_browser
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_browser_shows_hostile_texts_of_every_field_and_runs_none(version: str, tmp_path: Path) -> None:
    async with serve(tmp_path, Everybody(momentum=reply()), version) as served, browser() as page:
        await page.open(str(served.http.make_url("/")))
        await page.until("document.querySelector('[data-alert] button')")
        await page.until("document.querySelector('[data-section] td').textContent")
        await page.until("document.querySelector('[data-camera] p:nth-of-type(2)').textContent")
        if version == "v2":
            await page.evaluate("document.querySelector('[aria-label=\"Photo of alert 7\"]').click()")
            await page.until("document.querySelector('[data-alert] img')")
        await page.evaluate("document.querySelector('[aria-label=\"Delete alert 7\"]').click()")
        await page.until("document.getElementById('count').textContent.startsWith('alert 7: ')")
        for place in ("analysis", "alert", "cameras", "sections", "alerts", "count"):
            text = await page.evaluate(f"document.getElementById('{place}').textContent")
            assert all(hostile in text for hostile in HOSTILE), place
        assert await page.evaluate("window.hacked === undefined")
        assert (
            await page.evaluate("document.querySelectorAll('svg, script:not([src]), [onerror], [onmouseover]').length")
            == 0
        )
        sources = await page.evaluate("[...document.images].map(image => image.getAttribute('src') ?? '')")
        assert all(source in ("", f"data:image/jpeg;base64,{NOT_A_PHOTO}") for source in sources)
        assert bool(sources) is (version == "v2")


@needs_browser
async def test_the_page_can_be_used_with_the_keyboard_and_fits_a_narrow_window(tmp_path: Path) -> None:
    async with serve(tmp_path, Everybody(momentum=reply())) as served, browser() as page:
        await page.look(width=360, dark=True)
        await page.open(str(served.http.make_url("/")))
        await page.until("document.querySelector('[data-alert] button')")
        reached: list[str] = []
        for _ in range(12):
            for kind in ("keyDown", "keyUp"):
                await page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            reached.append(
                await page.evaluate(
                    "(e => e.getAttribute('aria-label') ?? e.id ?? e.textContent)(document.activeElement)"
                )
            )
        assert {"Switch off camera 1", "fps", "range", "Persons per section", "Photo of alert 7"} <= set(reached)
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 29)"
