"""What each arm cost: CPU of application and proxies apart, and what the proxy and its policies each add."""

from __future__ import annotations

from itertools import product
from xml.etree.ElementTree import Element

from benchmarks.measures import MEASURES
from benchmarks.measures.cost import cost
from benchmarks.record import ArmHeader
from benchmarks.report.evidence import Evidence, Group, mean, paired
from benchmarks.report.figures import number
from benchmarks.report.html.markup import append, element, scrolling
from benchmarks.report.html.plot import WIDTH, Scale, bottom_axis, canvas, figure, rect, text, ticks, titled
from benchmarks.statistics import paired_difference
from benchmarks.verdict import ENOUGH
from k8s.render import WITH_SIDECARS

ROW, LEFT, RIGHT, TOP = 20.0, 260.0, 90.0, 10.0
STEPS = (
    ("sidecar", "none", "the proxy itself"),
    ("mesh", "sidecar", "Istio's policies"),
    ("library", "none", "the library"),
)
"""(arm, base, what the difference is the cost of), by mode; each arm of the one against each of the other that fits."""


def costs(found: Evidence) -> Element | None:
    """CPU per 1000 successes of every scenario and arm; None when nothing was measured."""
    rows = [(group, _cpu(group, "app"), _cpu(group, "proxy")) for group in found.groups]
    known = [(group, app, proxy) for group, app, proxy in rows if app is not None]
    if not known:
        return None
    x = Scale(0, max(app + (proxy or 0) for _, app, proxy in known if app), LEFT, WIDTH - RIGHT)
    bottom = TOP + ROW * len(known)
    svg = canvas(bottom + 24, "CPU seconds per 1000 successes, application and proxies; the table Cost has the figures")
    append(svg, *bottom_axis(x, bottom, ticks(0, x.high), lambda value: f"{value:g}", TOP))
    last = ""
    for at, (group, app, proxy) in enumerate(known):
        y = TOP + ROW * at
        if group.scenario.name != last:
            append(svg, text(4, y + 14, group.scenario.name, class_="name"))
        last = group.scenario.name
        app, proxy = app or 0.0, proxy or 0.0
        append(svg, text(LEFT - 8, y + 14, group.arm, "end"))
        append(svg, titled(rect(LEFT, y + 4, x(app) - LEFT, ROW - 8, "cost-app"), f"application {number(app)} CPU-s"))
        bar = rect(x(app), y + 4, x(app + proxy) - x(app), ROW - 8, "cost-proxy")
        append(svg, titled(bar, f"proxies {number(proxy)} CPU-s"))
        append(svg, text(x(app + proxy) + 6, y + 14, number(app + proxy), class_="tick"))
    names = [element("li", element("span", class_=f"swatch cost-{key}"), words) for key, words in _LEGEND]
    return figure(
        "CPU seconds per 1000 successes.",
        "Mean of the good cells, over the whole cell. Proxies: Envoy alone.",
        svg,
        element("ul", *names, class_="legend"),
        _steps(found),
    )


_LEGEND = (("app", "application"), ("proxy", "proxies"))


def _cpu(group: Group, of: str) -> float | None:
    return mean(one.cpu_s_per_1000 for cell in group.valid if (one := cost(cell.rows, cell.record, of)))


def _steps(found: Evidence) -> Element | None:
    """What is added from arm to arm, as paired differences with intervals: the proxy, then its policies."""
    if not found.interleaved:
        return None
    of = {arm.name: arm for arm in found.arms}
    rows = [
        _step(scenario.name, arm, base, what)
        for scenario in found.scenarios
        for above, below, what in STEPS
        for arm, base in product(found.of(scenario.name), repeat=2)
        if (of[arm.arm].mode, of[base.arm].mode) == (above, below) and _fit(of[arm.arm], of[base.arm])
    ]
    if not rows:
        return None
    heads = [
        element("th", words, scope="col")
        for words in ("scenario", "of", "compared", "CPU-s per 1000", "95 % interval", "pairs")
    ]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *rows))
    return scrolling(table, "What each step adds")


def _fit(arm: ArmHeader, base: ArmHeader) -> bool:
    """Whether nothing differs but the step: sidecars of both speak mutual TLS or none do, and a twin has its own base.

    The control without sidecars is the base with either.
    """
    return arm.twin == base.twin and (base.mode not in WITH_SIDECARS or arm.plaintext == base.plaintext)


def _step(scenario: str, arm: Group, base: Group, what: str) -> Element:
    pairs = paired(arm, base, MEASURES["cpu"], "all")
    interval = paired_difference(pairs)
    enough = interval is not None and len(pairs) >= ENOUGH
    middle = f"{interval.estimate:+.2f}" if interval and enough else " ".join(f"{a - b:+.2f}" for a, b in pairs) or "-"
    spread = f"[{interval.low:+.2f}, {interval.high:+.2f}]" if interval and enough else "points"
    words = (scenario, what, f"{arm.arm} - {base.arm}")
    return element(
        "tr",
        *(element("td", word) for word in words),
        *(element("td", word, class_="right") for word in (middle, spread, str(len(pairs)))),
    )
