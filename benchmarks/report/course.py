"""The tables of what is done to a world: what a fault cost, what retries made of it, what a change cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from benchmarks.measures import MEASURES
from benchmarks.measures.amplification import Amplification, amplification
from benchmarks.measures.change import change
from benchmarks.measures.elapsed import Elapsed
from benchmarks.prediction import per_frame
from benchmarks.report.evidence import Evidence, Group, mean
from benchmarks.report.figures import count, number, share
from benchmarks.report.outcomes import ARM, SCENARIO
from benchmarks.report.table import Column, Table, Value, figure, table, word
from benchmarks.scenario import Window

QUIET = 0.01
"""An edge whose attempts differ from its calls by less than this share is left out, unless the fault is at its end."""


def course(found: Evidence) -> Table:
    """One row a scenario and arm with a fault."""
    return table(
        "course",
        "What the fault cost",
        "Goodput lost: right answers in time that the steady phase would have given, per cell, fault and recovery "
        "together. Burn: times faster than the error budget allows, during the fault. Off the path: failures of frames "
        "that never touch the faulted service (`-` where all do). Wasted: attempts answered to nobody. Means of cells.",
        [
            SCENARIO,
            ARM,
            Column("lost_goodput", "goodput lost"),
            Column("burn", "burn"),
            Column("blast", "off the path"),
            Column("waste", "wasted"),
        ],
        [(group.scenario.name, _course(group)) for group in found.groups if group.scenario.fault],
    )


def _course(group: Group) -> list[Value]:
    area, burn = _measured(group, "lost-goodput", "all"), _measured(group, "burn", "fault")
    blast, waste = _measured(group, "blast", "fault"), _measured(group, "waste", "all")
    return [
        word(group.scenario.name),
        word(group.arm),
        figure(number(area), area),
        figure(number(burn), burn),
        figure(share(blast), blast),
        figure(share(waste), waste),
    ]


def _measured(group: Group, name: str, window: Window) -> float | None:
    return mean(group.values(MEASURES[name], window).values())


def amplified(found: Evidence) -> Table:
    """One row an edge on which retries, or refusals, made a difference."""
    return table(
        "amplification",
        "Requests that a frame becomes",
        "Depth: edges from the collector to the callee. Attempts per call: received / logical calls of this edge. Per "
        "frame: received / frames that need the edge, so that retries on the way are multiplied; predicted: what "
        "retries alone would make of it, where there is a closed form. Whole cells, means.",
        [
            SCENARIO,
            ARM,
            Column("edge", "edge", "left"),
            Column("depth", "depth"),
            Column("per_call", "attempts/call"),
            Column("per_frame", "per frame"),
            Column("predicted", "predicted"),
            Column("n", "frames"),
        ],
        [(group.scenario.name, row) for group in found.groups if group.scenario.fault for row in _edges(group, found)],
    )


def _edges(group: Group, found: Evidence) -> Iterable[list[Value]]:
    policies = found.policies(group.arm)
    cells = [amplification(cell.rows, cell.record, group.scenario) for cell in group.valid]
    for edge in dict.fromkeys(edge for cell in cells for edge in cell):
        seen = [cell[edge] for cell in cells if edge in cell]
        per_call = fmean(one.per_call for one in seen)
        at_the_fault = group.scenario.fault is not None and edge.endswith(f"->{group.scenario.fault.service}")
        if at_the_fault or abs(per_call - 1) > QUIET:
            yield _edge(group, edge, seen, [per_frame(group.scenario, policies, one) for one in seen])


def _edge(group: Group, edge: str, seen: Sequence[Amplification], predicted: Sequence[float | None]) -> list[Value]:
    per_call, multiplied = fmean(one.per_call for one in seen), fmean(one.per_frame for one in seen)
    known = mean(one for one in predicted if one is not None)
    frames = sum(one.frames for one in seen)
    return [
        word(group.scenario.name),
        word(group.arm),
        word(edge),
        figure(count(len(seen[0].chain)), len(seen[0].chain)),
        figure(number(per_call), per_call, n=len(seen)),
        figure(number(multiplied), multiplied, n=len(seen)),
        figure(number(known), known),
        figure(count(frames), frames),
    ]


def changed(found: Evidence) -> Table:
    """One row a scenario and arm in which an operator does something."""
    return table(
        "action",
        "What the change cost",
        "Lines: of YAML that differ from what the arm had, or of the file that its library reads (a release has a "
        "diff of its own). Started again: processes, per cell. In effect: seconds from the order until every sidecar "
        "followed, or every replica was back. Failed: frames of the phase without success, per cell. Of a canary it "
        "is the rollback, processes ended and all. Means of cells.",
        [
            SCENARIO,
            ARM,
            Column("lines", "lines"),
            Column("redeployed", "started again"),
            Column("in_effect", "in effect, s"),
            Column("failed", "failed"),
            Column("n", "n"),
        ],
        [(group.scenario.name, _changed(group, found)) for group in found.groups if group.scenario.action],
    )


def _changed(group: Group, found: Evidence) -> list[Value]:
    policies = found.policies(group.arm)
    had = policies.get("istio", ()), policies.get("library")
    seen = [one for cell in group.valid if (one := change(cell.rows, cell.record, group.scenario, *had))]
    written = max((one.lines for one in seen if one.lines is not None), default=None)
    done = mean(one.in_effect.seconds for one in seen if isinstance(one.in_effect, Elapsed))
    restarted, failed = mean(one.redeployed for one in seen), mean(one.failed for one in seen)
    return [
        word(group.scenario.name),
        word(group.arm),
        figure(count(written), written),
        figure(number(restarted), restarted),
        figure(number(done), done),
        figure(number(failed), failed),
        figure(count(len(seen)), len(seen)),
    ]
