"""How a number is written: enough digits to compare, none that were not measured, and `-` for what is not known."""

from __future__ import annotations

from benchmarks.measures import Measure
from benchmarks.statistics import Interval

UNKNOWN = "-"


def share(value: float | None) -> str:
    """0.7023 -> `70.2 %`. Only what is whole is written as 100 %."""
    if value is None:
        return UNKNOWN
    text = f"{value:.1%}"
    if text == "100.0%" and value < 1:
        text = "99.9%"
    return text.replace("%", " %")


def share_range(interval: Interval | None) -> str:
    """The interval of a share, in per cent: `[66.1, 74.0]`."""
    return UNKNOWN if interval is None else f"[{interval.low * 100:.1f}, {interval.high * 100:.1f}]"


def number(value: float | None, digits: int = 3) -> str:
    """At least `digits` significant digits below a thousand, whole numbers above; nothing at all is `0`."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    size = abs(value)
    places = digits - 1 if size < 10 else digits - 2 if size < 100 else max(0, digits - 3)
    return f"{value:.{places}f}"


def count(value: int | None) -> str:
    """A whole number."""
    return UNKNOWN if value is None else str(value)


def value_of(measure: Measure, value: float | None) -> str:
    """A measure's value with its unit."""
    if measure.unit == "share":
        return share(value)
    if value is None:
        return UNKNOWN
    # the measure's title says "per 1000 successes" already
    return f"{number(value)} {measure.unit.removesuffix(' per 1000')}"


def change(measure: Measure, value: float) -> str:
    """A difference with its sign (shares in percentage points, pp), or a ratio as `x1.25`."""
    if measure.scale == "ratio":
        return f"x{value:.2f}"
    return f"{value * 100:+.1f} pp" if measure.unit == "share" else f"{value:+.2f}"


def point(measure: Measure, value: float) -> str:
    """One pair's change, as short as can be: `+27`, `x1.8`."""
    if measure.scale == "ratio":
        return f"x{value:.1f}"
    return f"{value * 100:+.0f}" if measure.unit == "share" else f"{value:+.3g}"


def change_range(measure: Measure, interval: Interval) -> str:
    """The interval of `change`, without its unit."""
    factor, sign, places = (100, "+", 1) if measure.unit == "share" else (1, "+", 2)
    if measure.scale == "ratio":
        factor, sign, places = 1, "", 2
    return f"[{interval.low * factor:{sign}.{places}f}, {interval.high * factor:{sign}.{places}f}]"


def margin(measure: Measure, value: float) -> str:
    """The smallest difference that matters."""
    if measure.scale == "ratio":
        return f"x{1 + value:.2f}"
    return f"{value * 100:g} pp" if measure.unit == "share" else f"{value:g} {measure.unit}"


def probability(p: float | None) -> str:
    """A p-value."""
    if p is None:
        return UNKNOWN
    return "<.001" if p < 0.001 else f"{p:.3f}"
