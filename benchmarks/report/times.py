"""How long it took: until a policy acted, until goodput was back during the fault, and after it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.measures.detect import detect
from benchmarks.measures.elapsed import Elapsed, Time
from benchmarks.measures.restoration import mitigate, recover
from benchmarks.report.evidence import Evidence, Group
from benchmarks.report.figures import UNKNOWN, number
from benchmarks.report.outcomes import ARM, CELLS, SCENARIO, cells
from benchmarks.report.table import Column, Table, Value, figure, table, word
from benchmarks.survival import median


def times(found: Evidence) -> Table:
    """Medians by Kaplan and Meier, so that a time that never came counts as one, and never as a number."""
    return table(
        "times",
        "Time to detect, mitigate, recover",
        "Median over the repetitions, in seconds, and in how many of them it came at all. Detect: from the fault's "
        "beginning until a breaker opened or a replica was ejected. Mitigate: until goodput was back while the fault "
        "went on. Recover: from the fault's end until goodput was back. `>`: in half of them or more it never came.",
        [
            SCENARIO,
            ARM,
            CELLS,
            Column("detect", "detect"),
            Column("detected", "of"),
            Column("mitigate", "mitigate"),
            Column("mitigated", "of"),
            Column("recover", "recover"),
            Column("recovered", "of"),
        ],
        [(group.scenario.name, _row(group)) for group in found.groups if group.scenario.fault and group.valid],
    )


def _row(group: Group) -> list[Value]:
    scenario = group.scenario
    detected = [detect(cell.record, scenario) for cell in group.valid]
    mitigated = [mitigate(cell.rows, cell.record, scenario) for cell in group.valid]
    recovered = [recover(cell.rows, cell.record, scenario) for cell in group.valid]
    fields = [word(scenario.name), word(group.arm), cells(group)]
    for found in (detected, mitigated, recovered):
        fields += _fields([one for one in found if one is not None])
    return fields


def _fields(found: Sequence[Time]) -> list[Value]:
    middle, came = median(found), sum(isinstance(one, Elapsed) for one in found)
    share = figure(f"{came}/{len(found)}", came, "plain" if came == len(found) else "doubt", n=len(found))
    if middle is None:
        return [figure(UNKNOWN, None), figure(UNKNOWN, None)]
    if isinstance(middle, Elapsed):
        return [figure(number(middle.seconds), middle.seconds), share]
    return [figure(f"> {number(middle.after_s)}", None, "doubt", censored_after=middle.after_s), share]
