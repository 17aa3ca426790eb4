"""The answer to each scenario's question, one card each: what a reader sees first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from benchmarks.measures import MEASURES
from benchmarks.recommendation import Recommendation, Where
from benchmarks.report.advice import recommendations
from benchmarks.report.evidence import Evidence
from benchmarks.report.html.markup import element
from benchmarks.report.table import Table, Value
from benchmarks.scenario import Scenario
from benchmarks.verdict import Comparison

ANSWERS: dict[Where, str] = {
    "library": "In the library",
    "mesh": "In the mesh",
    "both": "In both",
    "either": "Either place will do",
    "neither": "Neither: no arm is better than none at all",
    "undecided": "Not decided by this run",
}


def answers(found: Evidence, compared: Sequence[Comparison], tables: Mapping[str, Table]) -> Element | None:
    """A card for each scenario: its question, the answer with its evidence, and the primary measure of each arm."""
    glance = tables.get("glance")
    if glance is None:
        return None
    advised = recommendations(found, compared)
    known = {arm.name for arm in found.arms}
    arms = [column.title for column in glance.columns if column.key in known]
    rows = dict(zip(glance.groups, glance.rows, strict=True))
    cards = [
        _card(scenario, [one for one in advised if one.scenario == scenario.name], rows[scenario.name], arms)
        for scenario in found.scenarios
        if scenario.name in rows
    ]
    return element("ul", *cards, class_="cards")


def _card(scenario: Scenario, advised: Sequence[Recommendation], row: Sequence[Value], arms: Sequence[str]) -> Element:
    bars = [part for arm, value in zip(arms, row[2:], strict=False) for part in _bar(arm, value, _full(scenario, row))]
    return element(
        "li",
        element("h3", element("a", scenario.name, href=f"#scenario-{scenario.name}")),
        element("p", scenario.question, class_="question"),
        *(_answer(one) for one in advised),
        element("p", row[1].text, class_="measured"),
        element("dl", *bars, class_="bars"),
    )


def _answer(advised: Recommendation) -> Element:
    sure = f"p = {advised.p:.3f}, " if advised.p is not None and advised.p >= 0.001 else ""
    sure = "p < 0.001, " if advised.p is not None and advised.p < 0.001 else sure
    said = [
        *([f"{sure}{advised.pairs} pairs"] if advised.where != "undecided" else []),
        *advised.because,
        *advised.limits,
    ]
    at = f"{advised.point}: " if advised.point else ""
    return element(
        "p",
        element("strong", f"{at}{ANSWERS[advised.where]}."),
        f" {'; '.join(said)}.",
        class_=f"answer {advised.where}",
    )


def _full(scenario: Scenario, row: Sequence[Value]) -> float:
    """What a bar of full length stands for: all, for a share; else the largest value."""
    if MEASURES[scenario.primary.measure].unit == "share":
        return 1.0
    return max((value for one in row[2:-1] if (value := _number(one)) is not None), default=1.0) or 1.0


def _number(shown: Value) -> float | None:
    value = shown.figures.get("value")
    return float(value) if isinstance(value, int | float) else None


def _bar(arm: str, shown: Value, full: float) -> tuple[Element, Element]:
    length = min(1.0, max(0.0, (_number(shown) or 0.0) / full))
    bar = element("span", class_="bar", style=f"width: {length * 100:.1f}%", aria_hidden="true")
    return element("dt", arm), element("dd", element("span", bar, class_="track"), element("span", shown.text))
