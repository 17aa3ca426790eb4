"""The dashboard's page: V1 says it in words, V2 also shows the photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Airport security</title></head>
<body>
<h1>Dashboard {version}</h1>
{parts}
</body>
</html>
"""


def page(
    version: str,
    analysis: Mapping[str, Any] | None,
    alert: Mapping[str, Any] | None,
    ages_s: tuple[float | None, float | None] = (None, None),
) -> str:
    """Draw the page of `version` (`v1`, `v2`, ...); None stands for what momentum did not tell.

    `ages_s`: how old the analysis and the alert are, where momentum told them before and does not answer now.
    """
    photos = version != "v1"
    people = "{gender}, {age}".format_map
    parts = [
        _part("Latest statistics", analysis, people, ages_s[0], photos=photos),
        _part("Latest alert", alert, "{name}".format_map, ages_s[1], photos=photos),
    ]
    return PAGE.format(version=escape(version.upper()), parts="\n".join(parts))


def _part(title: str, message: Mapping[str, Any] | None, words: Any, age_s: float | None, *, photos: bool) -> str:
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
    return "\n".join([f"<h2>{escape(title)}</h2>", *old, *lines])


def _list(entries: Sequence[str]) -> list[str]:
    return ["<ul>", *(f"<li>{escape(entry)}</li>" for entry in entries), "</ul>"] if entries else ["<p>nobody</p>"]
