"""The page: what a manager reads in a minute, then the evidence, then what it rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from benchmarks.report.evidence import Evidence
from benchmarks.report.html.answers import answers
from benchmarks.report.html.calls import call_graphs
from benchmarks.report.html.costs import costs
from benchmarks.report.html.effects import effects
from benchmarks.report.html.latencies import by_percentile, heat_maps
from benchmarks.report.html.markup import Child, append, element, html
from benchmarks.report.html.parity import parities
from benchmarks.report.html.plot import PICTURES
from benchmarks.report.html.tables import table
from benchmarks.report.html.timelines import timelines
from benchmarks.report.table import Caution, Report, Table
from benchmarks.scenario import Scenario
from benchmarks.verdict import Comparison

SCOPE = {
    False: "One machine: callers, callees, proxies and the load share its cores, and loopback has neither latency nor "
    "loss. Envoy without Istio's own filters, agent and control plane; no ambient mode; no gRPC.",
    True: "One cluster: what else runs on its nodes, the control plane and Istio's among it, shares their cores, and "
    "the machine's load is that of the node which the harness was on. No ambient mode; no gRPC.",
}
"""By whether the run was made in a cluster."""
STYLES = (PICTURES, Path(__file__).with_name("style.css"))
IN_THE_SUMMARY = ("changes", "glance", "advice", "curves", "flips")
AT_THE_END = ("noise", "voids")
ELSEWHERE = frozenset({*IN_THE_SUMMARY, "verdicts", "cost", *AT_THE_END})
"""Tables that have a place of their own; every other is shown scenario by scenario, in the report's order."""


def render(report: Report, found: Evidence, compared: Sequence[Comparison]) -> str:
    """One file that needs nothing else: no network, no script."""
    tables = {one.key: one for one in report.tables}
    sections = [
        _section("summary", "Summary", *_summary(report, found, tables, compared)),
        *(_scenario(one, found, tables) for one in found.scenarios),
        _section("cost", "Cost", costs(found), _table(tables, "cost")),
        _section("policies", "Policies", *_policies(found)),
        _section("environment", "Environment", *_environment(found)),
        _section("validity", "How it was measured, and what threatens it", *_validity(report, found, tables)),
    ]
    links = [element("li", element("a", _heading(one), href=f"#{one.get('id')}")) for one in sections]
    body = element(
        "body",
        element("a", "to the results", href="#summary", class_="skip"),
        element(
            "header",
            element("h1", report.title),
            element("p", report.summary[0]),
            element("nav", element("ul", *links), aria_label="Sections"),
        ),
        element("main", *sections),
        element(
            "footer",
            "Made by goaround from the raw rows of the run alone; `goaround report RUN --format html` makes it again.",
        ),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", report.title),
        element("style", "".join(style.read_text(encoding="utf-8") for style in STYLES)),
    )
    return html(element("html", head, body, lang="en"))


def _section(name: str, title: str, *content: Child) -> Element:
    return append(element("section", element("h2", title), id=name), *content)


def _heading(section: Element) -> str:
    return section[0].text or ""


def _table(tables: Mapping[str, Table], key: str, group: str | None = None) -> Element | None:
    return table(tables[key], group) if key in tables else None


def _summary(
    report: Report, found: Evidence, tables: Mapping[str, Table], compared: Sequence[Comparison]
) -> list[Child]:
    findings = report.summary[1:]
    said: Child = (
        element(
            "details",
            element("summary", f"Everything that was decided ({len(findings)})"),
            element("ul", *(element("li", one) for one in findings), class_="findings"),
        )
        if findings
        else element("p", "Nothing was decided: no comparison has enough pairs and a difference that is large enough.")
    )
    many = len(report.warnings)
    limits = (
        [
            element(
                "p",
                element("strong", f"{many} warning{'s'[: many != 1]}"),
                " on what may be concluded: ",
                element("a", "read them", href="#validity"),
                ".",
            )
        ]
        if report.warnings
        else []
    )
    parts = (_table(tables, key) for key in IN_THE_SUMMARY)
    return [answers(found, compared, tables), said, *limits, *parts, effects(compared), _table(tables, "verdicts")]


def _scenario(scenario: Scenario, found: Evidence, tables: Mapping[str, Table]) -> Element:
    groups = found.of(scenario.name)
    return _section(
        f"scenario-{scenario.name}",
        f"Scenario {scenario.name}",
        element("p", scenario.question, class_="about"),
        timelines(groups),
        by_percentile(groups),
        heat_maps(groups),
        call_graphs(groups),
        *(_table(tables, key, scenario.name) for key in tables if key not in ELSEWHERE),
    )


def _policies(found: Evidence) -> list[Child]:
    content: list[Child] = [
        element(
            "p",
            "What each policy set means in each arm, edge by edge, and what each arm was told, as it was given to it.",
            class_="about",
        ),
        *parities(found),
    ]
    for arm in found.arms:
        if policies := found.policies(arm.name):
            listed = json.dumps(policies, indent=1, ensure_ascii=False)
            content.append(element("details", element("summary", arm.name), element("pre", listed)))
    return content


def _environment(found: Evidence) -> list[Child]:
    content: list[Child] = []
    for header in found.headers:
        facts = {"run": header.name, "created": header.created, "profile": header.profile or "-", "seed": header.seed}
        pairs = {**facts, **header.environment, **header.versions}
        terms = [part for key, value in pairs.items() for part in (element("dt", key), element("dd", str(value)))]
        content.append(element("dl", *terms))
    return content


def _validity(report: Report, found: Evidence, tables: Mapping[str, Table]) -> list[Child]:
    return [
        element(
            "p",
            "Open loop: arrivals are scheduled before the run, the same in every arm of a repetition, and latency "
            "counts from the intended time. The order of arms is random within a repetition. The run is the unit of "
            "replication. A fault acts at the callee and is proven by its victims; a cell whose fault is not proven, "
            "or on a machine above 80 % of its CPU, is void and left out of every figure.",
            class_="about",
        ),
        element("ul", *(element("li", note) for note in report.notes)),
        element("h3", "Warnings"),
        element("ul", *(_warning(one) for one in report.warnings), class_="warnings")
        if report.warnings
        else element("p", "None."),
        *(_table(tables, key) for key in AT_THE_END),
        element("h3", "Scope"),
        element(
            "p",
            SCOPE[found.headers[0].environment.get("target") == "cluster"],
        ),
    ]


def _warning(one: Caution) -> Element:
    return element("li", element("strong", f"{one.what}."), f" {one.do[0].upper()}{one.do[1:]}.")
