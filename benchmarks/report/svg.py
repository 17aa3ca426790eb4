"""The effect plot as a picture of its own, for a README or a paper: colours for light and dark are in it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import tostring

from benchmarks.errors import BadInput
from benchmarks.report.html.effects import plot
from benchmarks.report.html.markup import element
from benchmarks.report.html.plot import PICTURES
from benchmarks.verdict import Comparison

NAMESPACE = "http://www.w3.org/2000/svg"


def render(compared: Sequence[Comparison]) -> str:
    """One file that needs nothing else. Raises BadInput when no arm was compared with another."""
    if not compared:
        raise BadInput(["nothing was compared in this run, so that there is no picture; give it two arms"])
    picture = plot(compared)
    picture.set("xmlns", NAMESPACE)
    # where no page gives it a size, it has that of its coordinates
    _, _, width, height = picture.get("viewBox", "").split()
    picture.set("width", width)
    picture.set("height", height)
    style = f"{PICTURES.read_text(encoding='utf-8')}svg {{ background: var(--panel); }}"
    picture.insert(0, element("style", style))
    return tostring(picture, encoding="unicode") + "\n"
