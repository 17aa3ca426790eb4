"""The dashboard's page: V1 says it in words, V2 also shows the photos.

The page is whole without JavaScript; `static/dashboard.js` makes it live, and adds what needs a reader's hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import web

from services.runtime.settings import Settings

STATIC = Path(__file__).with_name("static")
PAGE = (STATIC / "dashboard.html").read_text(encoding="utf-8")
TYPES = {"dashboard.css": "text/css", "dashboard.js": "text/javascript"}
UNSNIFFED = {"X-Content-Type-Options": "nosniff"}
"""On everything that others wrote: a browser must not take a text for a page."""
SAFE = {
    **UNSNIFFED,
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Should a hostile text ever become markup, it still runs nothing and loads nothing."""


def page(
    settings: Settings,
    collector: str,
    analysis: Mapping[str, Any] | None,
    alert: Mapping[str, Any] | None,
    ages_s: tuple[float | None, float | None] = (None, None),
) -> str:
    """Draw the page of this pod's version (`v1`, `v2`, ...); None stands for what momentum did not tell.

    `collector`: the URL that cameras are told to send to. `ages_s`: how old the analysis and the alert are, where
    momentum told them before and does not answer now.
    """
    version = settings.service_version
    photos = version != "v1"
    people = "{gender}, {age}".format_map
    return PAGE.format(
        version=escape(version.upper()),
        pod=escape(settings.pod_name),
        pod_version=escape(version),
        photos="on" if photos else "off",
        collector=escape(collector),
        analysis=_part("analysis", "Latest statistics", analysis, people, ages_s[0], photos=photos),
        alert=_part("alert", "Latest alert", alert, "{name}".format_map, ages_s[1], photos=photos),
    )


def static() -> list[web.RouteDef]:
    """Return the routes of what the page loads."""
    return [web.get(f"/static/{name}", _serve(STATIC / name, kind)) for name, kind in TYPES.items()]


def _serve(path: Path, kind: str) -> Callable[[web.Request], Any]:
    text = path.read_text(encoding="utf-8")

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind, headers={**UNSNIFFED, "Cache-Control": "no-cache"})

    return serve


def _part(
    part: str, title: str, message: Mapping[str, Any] | None, words: Any, age_s: float | None, *, photos: bool
) -> str:
    if message is None:
        lines = ["<p>not available</p>"]
    elif "timestamp" not in message:
        lines = ["<p>none yet</p>"]
    else:
        where = f"section {message['section']}, {message['event']}, {message['timestamp']}"
        lines = [f"<p>{escape(where)}</p>", *_list([words(person) for person in message["persons"]])]
        if photos and message.get("image"):
            lines.append(f'<img alt="{escape(title)}" src="data:image/jpeg;base64,{escape(message["image"])}">')
    old = [] if age_s is None else [f"<p><strong>stale</strong>: as known {age_s:.0f} s ago</p>"]
    return "\n".join([f'<h2 id="{part}-title">{escape(title)}</h2>', *old, *lines])


def _list(entries: Sequence[str]) -> list[str]:
    return ["<ul>", *(f"<li>{escape(entry)}</li>" for entry in entries), "</ul>"] if entries else ["<p>nobody</p>"]
