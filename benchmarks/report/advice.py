"""The recommendation as a table: where resilience should live, edge by edge and fault by fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.recommendation import Recommendation, Where, recommend, tipping
from benchmarks.report.evidence import Evidence
from benchmarks.report.figures import UNKNOWN, count, margin, probability
from benchmarks.report.outcomes import SCENARIO
from benchmarks.report.sweeps import POINT, written
from benchmarks.report.table import Column, Table, Tone, Value, figure, table, word
from benchmarks.scenario import Scenario
from benchmarks.sweep import Value as Setting
from benchmarks.verdict import Comparison, Verdict

TONES: dict[Where, Tone] = {"undecided": "doubt", "neither": "quiet"}


def advice(found: Evidence, compared: Sequence[Comparison]) -> Table:
    """A row for each scenario with a fault; empty without verdicts, in a control, and between runs made apart.

    At each point of a sweep of policies a row of its own: points are not compared with each other.
    """
    given = recommendations(found, compared)
    swept = any(one.point for one in given)
    return table(
        "advice",
        "Where should it live",
        "For each kind of fault, what the verdicts on the primary measure support, on this machine and with these "
        "policies: an arm that is better than the control and better than every other that is, or may be. "
        "Either: equivalent. p: the weakest link of the evidence, adjusted for the whole table of verdicts. "
        "Flips: the margin (each scenario has one) at which a verdict that this rests on would be another; "
        "a sweep says where along an axis.",
        [
            SCENARIO,
            *([POINT] if swept else []),
            Column("edge", "edge", "left"),
            Column("fault", "fault", "left"),
            Column("where", "where", "left"),
            Column("arm", "arm", "left"),
            Column("p", "p"),
            Column("n", "pairs"),
            Column("because", "because", "left"),
            Column("flips", "flips", "left"),
            Column("limits", "not known", "left"),
        ],
        [(one.scenario, _row(one, swept)) for one in given],
    )


def recommendations(found: Evidence, compared: Sequence[Comparison]) -> list[Recommendation]:
    """One for each scenario with a fault on a service, or for each point of its sweep of policies."""
    if not compared or found.control or not found.interleaved:
        return []
    return [one for scenario in found.scenarios for one in _of(scenario, found, compared)]


def _of(scenario: Scenario, found: Evidence, compared: Sequence[Comparison]) -> Iterator[Recommendation]:
    if scenario.fault is None:
        return
    run_in = {group.arm for group in found.of(scenario.name)}
    arms = [arm for arm in found.arms if arm.name in run_in]
    points: list[dict[str, Setting]] = []
    for arm in arms:
        if arm.settings and arm.settings not in points:
            points.append(arm.settings)
    for point in points or [{}]:
        advised = recommend(
            scenario.name,
            f"-> {scenario.fault.service}",
            scenario.fault.kind,
            compared,
            {arm.name: arm.mode for arm in arms if arm.settings in ({}, point)},
            controllable=not scenario.arms or "none" in scenario.arms,
        )
        yield replace(advised, point=written(point))


def _row(one: Recommendation, swept: bool) -> list[Value]:
    return [
        word(one.scenario),
        *([word(one.point)] if swept else []),
        word(one.edge),
        word(one.fault),
        word(one.where, TONES.get(one.where, "good")),
        word(one.arm or UNKNOWN),
        figure(probability(one.p), one.p),
        figure(count(one.pairs), one.pairs),
        word("; ".join(one.because) or UNKNOWN),
        word("; ".join(flips(one)) or UNKNOWN),
        word("; ".join(one.limits) or UNKNOWN),
    ]


def flips(one: Recommendation) -> list[str]:
    """When it would not hold any more, by the verdicts that it rests on."""
    said = []
    for each in one.rests_on:
        if (at := tipping(each)) is not None:
            side = "below" if each.verdict is Verdict.EQUIVALENT else "above"
            said.append(f"{each.arm} vs {each.base}: {side} {margin(each.measure, round(at, 3))}")
    return said
