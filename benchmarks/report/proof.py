"""The tables behind the outcome: cost, verdicts, the proof that policies acted, void cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields

from benchmarks.measures.activity import Activity, activity
from benchmarks.measures.cost import Cost, cost
from benchmarks.report.evidence import Evidence, Group, mean
from benchmarks.report.figures import UNKNOWN, change, change_range, count, margin, number, point, probability, share
from benchmarks.report.outcomes import ARM, CELLS, SCENARIO, cells
from benchmarks.report.table import Column, Table, Tone, Value, figure, table, word
from benchmarks.scenario import Window
from benchmarks.verdict import ENOUGH, Comparison, Verdict

TONES: dict[Verdict, Tone] = {
    Verdict.BETTER: "good",
    Verdict.WORSE: "bad",
    Verdict.EQUIVALENT: "plain",
    Verdict.INCONCLUSIVE: "doubt",
    Verdict.NONE: "quiet",
}
BUSY = 0.60
"""Above this share of the machine in the steady phase, figures may be the machine's (fairness rule 7)."""


def costs(found: Evidence) -> Table:
    """CPU and memory, application and proxies apart, and how busy the machine was."""
    return table(
        "cost",
        "Cost",
        "CPU seconds per 1000 successes, of the whole cell and of the fault phase alone; memory in MiB at the end of a "
        "cell, as RSS / PSS (PSS counts shared pages once); memory over time in MiB-s per 1000 successes; mean of the "
        "cells. Proxies: Envoy only.",
        [
            SCENARIO,
            ARM,
            CELLS,
            Column("cpu_app", "CPU-s app"),
            Column("cpu_proxy", "CPU-s proxy"),
            Column("cpu_app_fault", "app, fault"),
            Column("cpu_proxy_fault", "proxy, fault"),
            Column("memory_app", "MiB app"),
            Column("memory_proxy", "MiB proxy"),
            Column("memory_time_app", "MiB-s app"),
            Column("memory_time_proxy", "MiB-s proxy"),
            Column("machine", "machine, steady"),
        ],
        [(group.scenario.name, _costs(group)) for group in found.groups],
    )


def _costs(group: Group) -> list[Value]:
    app, proxy = (_of_cells(group, of, "all") for of in ("app", "proxy"))
    during = (_of_cells(group, of, "fault") for of in ("app", "proxy"))
    machine = mean(cell.record.machine["steady"] for cell in group.valid if "steady" in cell.record.machine)
    busy: Tone = "bad" if machine is not None and machine > BUSY else "plain"
    return [
        word(group.scenario.name),
        word(group.arm),
        cells(group),
        *(_figure(costs, lambda one: one.cpu_s_per_1000) for costs in (app, proxy, *during)),
        *(_memory(costs) for costs in (app, proxy)),
        *(_figure(costs, lambda one: one.mib_s_per_1000) for costs in (app, proxy)),
        figure(share(machine), machine, busy),
    ]


def _of_cells(group: Group, of: str, window: Window) -> list[Cost]:
    return [one for cell in group.valid if (one := cost(cell.rows, cell.record, of, window))]


def _figure(costs: list[Cost], of: Callable[[Cost], float]) -> Value:
    value = mean(of(one) for one in costs)
    return figure(number(value), value, n=len(costs))


def _memory(costs: list[Cost]) -> Value:
    rss = mean(one.rss_mib for one in costs)
    pss = mean(one.pss_mib for one in costs if one.pss_mib is not None)
    # where there is no process there is no PSS to read
    text = number(rss) if not rss else f"{number(rss)} / {number(pss)}"
    return figure(text, rss, pss=pss, n=len(costs))


def verdicts(compared: list[Comparison], found: Evidence) -> Table:
    """The primary measures, arm against arm."""
    return table(
        "verdicts",
        "Verdicts",
        "The primary measure, arm against arm, paired by repetition: its change with the 95 % interval. p is adjusted "
        "for all comparisons of this table (Holm), the interval is not. Better or worse: p at most 0.05, and at least "
        "the margin. Equivalent: the interval lies within it. ~: not decided. Fewer than 5 pairs: the change of each, "
        "and no verdict. "
        "delta: Cliff's, 1 where every value of the first arm is above every value of the second.",
        [
            SCENARIO,
            Column("compared", "compared", "left"),
            Column("measure", "measure", "left"),
            Column("change", "change"),
            Column("interval", "95 % interval"),
            Column("p", "p"),
            Column("delta", "delta"),
            Column("margin", "margin"),
            Column("n", "pairs"),
            CELLS,
            Column("verdict", "verdict", "left"),
        ],
        [
            (one.scenario, _verdict(one, cells(*(g for g in found.of(one.scenario) if g.arm in (one.arm, one.base)))))
            for one in compared
        ],
    )


def _verdict(one: Comparison, kept: Value) -> list[Value]:
    interval, n = one.interval, len(one.pairs)
    common = [word(one.scenario), word(f"{one.arm} vs {one.base}"), word(one.measure.name)]
    delta = figure(UNKNOWN if one.delta is None else f"{one.delta:+.2f}", one.delta)
    end = [delta, figure(margin(one.measure, one.margin), one.margin), figure(count(n), n), kept]
    if n < ENOUGH or interval is None:
        points = [_change(one, pair) for pair in one.pairs]
        text = " ".join(UNKNOWN if value is None else point(one.measure, value) for value in points) or UNKNOWN
        shown = Value(text, {f"point_{at}": value for at, value in enumerate(points, 1)})
        return [*common, figure(UNKNOWN, None), shown, figure(UNKNOWN, None), *end, word("none (points)", "quiet")]
    shift = change(one.measure, interval.estimate)
    return [
        *common,
        # as benchstat does: `~` where nothing is decided
        figure(f"{'~ ' * (one.verdict is Verdict.INCONCLUSIVE)}{shift}", interval.estimate),
        figure(change_range(one.measure, interval), None, low=interval.low, high=interval.high),
        figure(probability(one.p), one.p),
        *end,
        word(one.verdict.value, TONES[one.verdict]),
    ]


def _change(one: Comparison, pair: tuple[float, float]) -> float | None:
    a, b = pair
    if one.measure.scale == "ratio":
        return a / b if b else None
    return a - b


def policies(found: Evidence) -> Table:
    """What the policies of each arm did, by edge."""
    names = [field.name for field in fields(Activity)]
    return table(
        "policies",
        "What the policies did",
        "Events counted by the library and by Envoy themselves, all valid cells together: the proof that an arm's "
        "policies acted. Edges into the faulted service, and every other edge on which anything happened.",
        [SCENARIO, ARM, CELLS, Column("edge", "edge", "left"), *(Column(name, name) for name in names)],
        [
            (
                group.scenario.name,
                [
                    word(group.scenario.name),
                    word(group.arm),
                    cells(group),
                    word(edge),
                    *(_event(n) for n in asdict(events).values()),
                ],
            )
            for group in found.groups
            for edge, events in activity(cell.record for cell in group.valid).items()
            if events.acted or _faulted(group, edge)
        ],
    )


def _event(n: int) -> Value:
    return figure(count(n), n, "plain" if n else "quiet")


def _faulted(group: Group, edge: str) -> bool:
    return group.scenario.fault is not None and edge.endswith(f"->{group.scenario.fault.service}")


def voids(found: Evidence) -> Table:
    """Every try that was not used, with its reason."""
    return table(
        "voids",
        "Void cells",
        "Not used in any figure above.",
        [Column("cell", "cell", "left"), Column("try", "try"), Column("reason", "reason", "left")],
        [
            (
                cell.record.scenario,
                [
                    word(cell.record.cell),
                    figure(count(cell.record.attempt), cell.record.attempt),
                    word("; ".join(cell.record.void), "bad"),
                ],
            )
            for cell in found.void
        ],
    )
