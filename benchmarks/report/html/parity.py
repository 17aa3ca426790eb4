"""What each arm did on each edge, whose number each is, and where the arms could not be equal."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from benchmarks.parity import MODES, read_back, reasons, text, whose
from benchmarks.report.evidence import Evidence
from benchmarks.report.html.markup import Child, element, scrolling
from istio.parity import Edge


def parities(found: Evidence) -> Iterator[Element]:
    """A part that opens for each policy set of a run, with a table for each edge; nothing for a run that kept none."""
    kept = {name: told for header in found.headers for name, told in header.policies.get("parity", {}).items()}
    for name, told in kept.items():
        said = f"Parity under {name}: each arm on each edge, whose number it is, and where arms cannot be equal"
        yield element("details", element("summary", said), *(part for edge in read_back(told) for part in _edge(edge)))


def _edge(edge: Edge) -> Iterator[Child]:
    title = f"{', '.join(edge.callers)} -> {edge.callee}"
    heads = [element("th", head, scope="col") for head in ("", *MODES, "whose number", "apart")]
    rows = [
        element(
            "tr",
            element("th", row.name, scope="row"),
            *(element("td", text(row.numbers[mode].value, row.unit)) for mode in MODES),
            element("td", whose(row.numbers)),
            element("td", ", ".join(row.apart)),
        )
        for row in edge.rows
    ]
    yield element("h4", title)
    made = element("table", element("thead", element("tr", *heads)), element("tbody", *rows))
    yield scrolling(made, title)
    yield element("ul", *(element("li", line) for line in reasons(edge, MODES)))
