"""Tables of a report as HTML."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from benchmarks.report.html.markup import element, scrolling
from benchmarks.report.table import Table, Value


def table(shown: Table, group: str | None = None, level: str = "h3") -> Element | None:
    """A table with its heading; with a `group`, its rows of that scenario alone. None when no row is left."""
    rows = [
        (row, at == 0 or shown.groups[at] != shown.groups[at - 1])
        for at, row in enumerate(shown.rows)
        if group is None or shown.groups[at] == group
    ]
    if not rows:
        return None
    heads = [element("th", column.title, scope="col", class_=_aligned(column.align)) for column in shown.columns]
    body = [
        element(
            "tr",
            *(_field(value, column.align) for value, column in zip(row, shown.columns, strict=True)),
            class_="first" if first else None,
        )
        for row, first in rows
    ]
    made = element("table", element("thead", element("tr", *heads)), element("tbody", *body))
    return element(
        "div",
        element(level, shown.title),
        element("p", shown.about.replace("`", ""), class_="about"),
        scrolling(made, shown.title),
    )


LONG = 60


def _field(value: Value, align: str) -> Element:
    classes = [
        _aligned(align) or "",
        value.tone if value.tone != "plain" else "",
        "wide" if len(value.text) > LONG else "",
    ]
    return element("td", value.text, class_=" ".join(filter(None, classes)) or None)


def _aligned(align: str) -> str | None:
    return "right" if align == "right" else None
