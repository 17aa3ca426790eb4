"""What every picture needs: scales, axes, a frame, and a way for those who cannot see it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from benchmarks.report.html.markup import append, element, scrolling

WIDTH = 920.0
PICTURES = Path(__file__).with_name("picture.css")
"""The colours, light and dark, and what pictures need of them; a picture by itself needs no more."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to pixels; `warp` bends the values first (a logarithm, say)."""

    low: float
    high: float
    start: float
    end: float
    warp: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        """The pixel of a value; values beyond the ends stay at the ends."""
        low, high = self.warp(self.low), self.warp(self.high)
        share = (self.warp(min(max(value, self.low), self.high)) - low) / (high - low) if high > low else 0.0
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, about so many of them."""
    # below that a float has too few digits left to be cut in steps
    if high - low < 1e-300:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten that lie between two positive values."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [value for power in powers for factor in (1, 2, 5) if low <= (value := factor * 10.0**power) <= high]


def figure(title: str, about: str, picture: Element, *more: Element | None) -> Element:
    """A picture with its caption; `more` stands below it (a legend, a table of the same figures)."""
    caption = element("figcaption", element("strong", title), f" {about}")
    return element("figure", caption, scrolling(picture, title), *more)


def canvas(height: float, label: str, *children: Element, width: float = WIDTH) -> Element:
    """An SVG as wide as the page that a screen reader calls by `label`."""
    box = f"0 0 {width:g} {height:g}"
    return append(element("svg", viewBox=box, role="img", aria_label=label), *children)


def text(x: float, y: float, words: str, anchor: str = "start", class_: str | None = None) -> Element:
    """Words at a place."""
    return element("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Element:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def rect(x: float, y: float, width: float, height: float, class_: str, **more: object) -> Element:
    """A rectangle; one of no size is still there for its title."""
    return element("rect", x=x, y=y, width=max(0.0, width), height=max(0.0, height), class_=class_, **more)


def path(points: Iterable[tuple[float, float]], class_: str) -> Element:
    """A line through points."""
    drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return element("path", d=f"M{drawn}" if drawn else "", class_=class_)


def titled(shape: Element, words: str) -> Element:
    """Give a shape the words that a pointer held over it brings up."""
    return append(shape, element("title", words))


def bottom_axis(
    x: Scale, y: float, at: Sequence[float], write: Callable[[float], str], top: float
) -> Iterator[Element]:
    """Grid lines from `top` down to `y`, with their values below."""
    for value in at:
        yield line(x(value), top, x(value), y, "grid")
        yield text(x(value), y + 15, write(value), "middle", "tick")


def left_axis(
    y: Scale, x: float, at: Sequence[float], write: Callable[[float], str], right: float
) -> Iterator[Element]:
    """Grid lines from `x` to `right`, with their values at the left."""
    for value in at:
        yield line(x, y(value), right, y(value), "grid")
        yield text(x - 6, y(value) + 4, write(value), "end", "tick")


def legend(arms: Sequence[str]) -> Element:
    """Which colour is whose; the names are text, so that nothing hangs on the colour alone."""
    items = [element("li", element("span", class_=f"swatch arm-{at}"), name) for at, name in enumerate(arms)]
    return element("ul", *items, class_="legend")
