"""The tables of what callers saw: the answer at a glance, answers, latency, correctness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.measures import MEASURES, Measure
from benchmarks.measures.availability import successes
from benchmarks.measures.exposure import exposed
from benchmarks.measures.latency import failure_ms, percentile, success_ms
from benchmarks.prediction import interfered, predict
from benchmarks.report.evidence import Evidence, Group, centre, mean
from benchmarks.report.figures import UNKNOWN, count, number, share, share_range, value_of
from benchmarks.report.table import Column, Table, Tone, Value, figure, table, word
from benchmarks.scenario import Window
from benchmarks.statistics import Interval, mean_share, wilson
from benchmarks.verdict import ENOUGH

SCENARIO = Column("scenario", "scenario", "left")
ARM = Column("arm", "arm", "left")
CELLS = Column("cells", "good, void, drops")
"""Never a figure without these beside it: good cells, void tries, and arrivals that were never sent."""


def cells(*groups: Group) -> Value:
    """`5/1/0`: good cells, void tries, dropped arrivals of the good cells; all groups together."""
    good_ones = sum(len(group.valid) for group in groups)
    void = sum(len(group.void) for group in groups)
    kept = [cell.record.generator for group in groups for cell in group.valid]
    dropped = sum(audit.dropped for audit in kept if audit)
    tone: Tone = "bad" if dropped else "doubt" if void else "plain"
    return Value(f"{good_ones}/{void}/{dropped}", {"good": good_ones, "void": void, "dropped": dropped}, tone)


def glance(found: Evidence) -> Table:
    """One line a scenario: its primary measure in each arm."""
    rows = []
    for scenario in found.scenarios:
        measure = MEASURES[scenario.primary.measure]
        mark = ", machine may be full" if scenario.saturated else ""
        fields = [word(scenario.name), word(f"{measure.title}, {phase(scenario.primary.phase)}{mark}")]
        groups = {group.arm: group for group in found.of(scenario.name)}
        for arm in found.arms:
            fields.append(_primary(groups[arm.name], measure) if arm.name in groups else word(UNKNOWN))
        fields.append(cells(*groups.values()))
        rows.append((scenario.name, fields))
    full = " Machine may be full: the scenario declares that it is meant to be, and a full machine voids no cell of it."
    return table(
        "glance",
        "At a glance",
        "Each scenario's primary measure, the one that its verdict is about; mean of the repetitions."
        + (full if any(scenario.saturated for scenario in found.scenarios) else ""),
        [
            SCENARIO,
            Column("measure", "primary measure", "left"),
            *(Column(arm.name, arm.name) for arm in found.arms),
            CELLS,
        ],
        rows,
    )


def _primary(group: Group, measure: Measure) -> Value:
    """An arm's mean of the primary measure."""
    if group.void and not group.valid:
        return word("void", "bad")
    values = group.values(measure, group.scenario.primary.phase)
    middle = centre(measure, values.values())
    return figure(value_of(measure, middle), middle, n=len(values))


def answers(found: Evidence) -> Table:
    """Availability and goodput, in the fault phase and overall."""
    return table(
        "answers",
        "Answers",
        "Of the frames sent: how many were answered right, and how many of those within the SLO. "
        "In the fault phase (without one: the steady phase), and in all phases but the warm-up. Means of the "
        f"repetitions, with the interval by Student's t over them; fewer than {ENOUGH} are shown one by one. Closed "
        "form: what arithmetic alone says of it (1 - f^n); with `=` the cell teaches nothing more: Wilson's interval "
        "of all arrivals holds it, which are independent trials by that form (Student's, where kept "
        "connections decide).",
        [
            SCENARIO,
            ARM,
            Column("availability", "available, fault"),
            Column("interval", "95 % interval"),
            Column("closed_form", "closed form"),
            Column("goodput", "goodput, fault"),
            Column("availability_all", "available, all"),
            Column("goodput_all", "goodput, all"),
            Column("goodput_rate", "good/s, all"),
            Column("dropped", "drops"),
            Column("n", "n"),
            Column("void", "void"),
        ],
        [(group.scenario.name, _answers(group, found.policies(group.arm))) for group in found.groups],
    )


def _answers(group: Group, policies: Mapping[str, Any]) -> list[Value]:
    availability, goodput = MEASURES["availability"], MEASURES["goodput"]
    rate = mean(group.values(MEASURES["goodput-rate"], "all").values())
    dropped = sum(cell.record.generator.dropped for cell in group.valid if cell.record.generator)
    return [
        word(group.scenario.name),
        word(group.arm),
        _mean(group, availability, group.window),
        word(_spread(group, availability, group.window)),
        _closed_form(group, policies),
        _mean(group, goodput, group.window),
        _mean(group, availability, "all"),
        _mean(group, goodput, "all"),
        figure(number(rate), rate),
        figure(count(dropped), dropped, "bad" if dropped else "plain"),
        figure(count(len(group.valid)), len(group.valid)),
        figure(count(len(group.void)), len(group.void), "bad" if group.void else "plain"),
    ]


def _mean(group: Group, measure: Measure, window: Window) -> Value:
    values = group.values(measure, window).values()
    middle, seen = mean(values), _interval(group, measure, window)
    bounds = {"low": seen.low, "high": seen.high} if seen else {}
    return Value(share(middle), {"value": middle, **bounds, "n": len(values)})


def _spread(group: Group, measure: Measure, window: Window) -> str:
    """The interval, or each repetition where they are too few for one."""
    if seen := _interval(group, measure, window):
        return share_range(seen)
    return ", ".join(f"{one * 100:.1f}" for one in group.values(measure, window).values()) or UNKNOWN


def _interval(group: Group, measure: Measure, window: Window) -> Interval | None:
    """The interval of the mean over repetitions."""
    shares = list(group.values(measure, window).values())
    fine = mean(group.resolutions(measure, window).values()) or 0.0
    return mean_share(shares, resolution=fine) if len(shares) >= ENOUGH else None


def _closed_form(group: Group, policies: Mapping[str, Any]) -> Value:
    """What retries alone would come to; marked where the arm came to that, and nothing else acted on the way."""
    known = predict(group.scenario, policies)
    if known is None or group.scenario.fault is None:
        return figure(UNKNOWN, None)
    over_repetitions = _interval(group, MEASURES["availability"], group.window)
    seen = _of_all_arrivals(group) if known.independent else over_repetitions
    hit = seen is not None and seen.low <= known.success <= seen.high
    alone = not interfered((cell.record for cell in group.valid), group.scenario.fault.service)
    mark = "= " if hit and alone else ""
    return figure(mark + share(known.success), known.success, "quiet" if mark else "plain", nothing_beyond=bool(mark))


def _of_all_arrivals(group: Group) -> Interval | None:
    """Availability of all valid cells together, as if each arrival were a trial of its own."""
    counted = [successes(cell.rows, cell.record, group.window) for cell in group.valid]
    return wilson(sum(wins for wins, _ in counted), sum(arrivals for _, arrivals in counted))


def latency(found: Evidence) -> Table:
    """Percentiles of successes, and of failures apart."""
    return table(
        "latency",
        "Latency",
        "In ms, from the intended time, in the fault phase (without one: the steady phase); exact, over all "
        "repetitions together. A percentile that needs more answers than there are is `-` (p99 needs 100).",
        [
            SCENARIO,
            ARM,
            CELLS,
            Column("p50", "p50"),
            Column("p90", "p90"),
            Column("p99", "p99"),
            Column("p999", "p99.9"),
            Column("max", "max"),
            Column("successes", "of successes"),
            Column("failure_p50", "p50 of failures"),
            Column("failure_p99", "p99 of failures"),
            Column("failures", "of failures"),
        ],
        [(group.scenario.name, _latency(group)) for group in found.groups],
    )


def _latency(group: Group) -> list[Value]:
    good = [ms for cell in group.valid for ms in success_ms(cell.rows, cell.record, group.window)]
    bad = [ms for cell in group.valid for ms in failure_ms(cell.rows, cell.record, group.window)]
    tails = [*(percentile(good, q) for q in (0.5, 0.9, 0.99, 0.999)), max(good, default=None)]
    return [
        word(group.scenario.name),
        word(group.arm),
        cells(group),
        *(figure(number(value), value, n=len(good)) for value in tails),
        figure(count(len(good)), len(good)),
        *(figure(number(value), value, n=len(bad)) for value in (percentile(bad, q) for q in (0.5, 0.99))),
        figure(count(len(bad)), len(bad)),
    ]


def correctness(found: Evidence) -> Table:
    """Attempts on the faulted edge, and what became of the frames."""
    return table(
        "correctness",
        "Attempts and stored frames",
        "Attempts that reached the faulted service per call made to it (no fault: all edges). Lost: sent and not "
        "stored. Twice: stored more than once. False 200: acknowledged and not stored. Whole cells. Met: in how many "
        "repetitions a call of the application reached the fault at all.",
        [
            SCENARIO,
            ARM,
            CELLS,
            Column("edge", "edge", "left"),
            Column("met", "met"),
            Column("attempts", "attempts/call"),
            Column("calls", "calls"),
            Column("sent", "sent"),
            Column("lost", "lost"),
            Column("duplicated", "twice"),
            Column("false_acks", "false 200"),
        ],
        [(group.scenario.name, _correctness(group)) for group in found.groups],
    )


def _correctness(group: Group) -> list[Value]:
    callee = group.scenario.fault.service if group.scenario.fault else None
    measure = MEASURES["attempts"]
    values = group.values(measure, "all").values()
    per_call = centre(measure, values)
    calls = sum(
        edge.logical
        for cell in group.valid
        for name, edge in cell.record.edges.items()
        if callee is None or name.endswith(f"->{callee}")
    )
    return [
        word(group.scenario.name),
        word(group.arm),
        cells(group),
        word(_edge(group, callee)),
        _met(group),
        figure(number(per_call), per_call, n=len(values)),
        figure(count(calls), calls),
        *_frames(group),
    ]


def _met(group: Group) -> Value:
    seen = exposed(cell.record for cell in group.valid)
    if seen is None:
        return figure(UNKNOWN, None)
    cells, of = seen
    return figure(f"{cells}/{of}", cells, "plain" if cells == of else "doubt", n=of)


def _edge(group: Group, callee: str | None) -> str:
    names = sorted({name for cell in group.valid for name in cell.record.edges if name.endswith(f"->{callee}")})
    return ", ".join(names) if callee else "all"


def _frames(group: Group) -> Iterator[Value]:
    kept = [cell.record.integrity for cell in group.valid if cell.record.integrity]
    for name, harmful in (("sent", False), ("lost", False), ("duplicated", True), ("false_acks", True)):
        total = sum(getattr(one, name) for one in kept) if kept else None
        yield figure(count(total), total, "bad" if harmful and total else "plain")


def phase(window: Window) -> str:
    """A window as it is read."""
    return "whole cell" if window == "all" else f"{window} phase"
