"""What changed from one run to another: each arm that both have, against itself as it was.

The runs were made apart, so a change is of everything that changed between them: code, machine, and day. The order of
the arms is not random any more; only repetitions still meet the same arrivals, and so pair.
"""

from __future__ import annotations

from benchmarks.report.evidence import Evidence, contrast
from benchmarks.report.figures import UNKNOWN, change, change_range, count, margin, probability
from benchmarks.report.outcomes import ARM, SCENARIO
from benchmarks.report.table import Caution, Column, Table, Tone, Value, figure, table, word
from benchmarks.verdict import Comparison, Verdict, judge

CALLED: dict[Verdict, tuple[str, Tone]] = {
    Verdict.BETTER: ("improved", "good"),
    Verdict.WORSE: ("regressed", "bad"),
    Verdict.EQUIVALENT: ("unchanged", "plain"),
    Verdict.INCONCLUSIVE: ("unclear", "doubt"),
    Verdict.NONE: ("none (points)", "quiet"),
}
"""Words of their own: between runs that were made apart there is no verdict on the arms."""
CONTROLS = ("none", "sidecar")
"""Modes without a policy: when these change, the machine did, or the application."""


def changes(before: Evidence, after: Evidence) -> list[Comparison]:
    """Each shared arm on every scenario's primary measure, `after` against `before`: one family under Holm.

    Both must be of the same scenarios and seed (`evidence_side_by_side` refuses others).
    """
    earlier = {(group.scenario.name, group.arm): group for group in before.groups}
    family = []
    for group in after.groups:
        then = earlier.get((group.scenario.name, group.arm))
        if then is not None:
            family.append(contrast(group, then))
    return judge(family)


def regressions(found: list[Comparison]) -> list[Comparison]:
    """The changes for the worse: real after Holm's correction, and at least the margin."""
    return [one for one in found if one.verdict is Verdict.WORSE]


def changed(found: list[Comparison], before: str, after: str) -> Table:
    """The table of changes; `before` and `after` are the names of the runs."""
    return table(
        "changes",
        "What changed between the runs",
        f"Each arm in {after} against itself in {before}, on the primary measure, paired by repetition, judged as "
        "verdicts are. The runs are not interleaved: a change may be of the code, of the machine, or of the day.",
        [
            SCENARIO,
            ARM,
            Column("measure", "measure", "left"),
            Column("change", "change"),
            Column("interval", "95 % interval"),
            Column("p", "p"),
            Column("margin", "margin"),
            Column("n", "pairs"),
            Column("called", "called", "left"),
        ],
        [(one.scenario, _change(one)) for one in found],
    )


def _change(one: Comparison) -> list[Value]:
    said, tone = CALLED[one.verdict]
    interval = one.interval if one.verdict is not Verdict.NONE else None
    # as benchstat does: `~` where nothing is decided
    undecided = one.verdict in (Verdict.INCONCLUSIVE, Verdict.NONE)
    shift = UNKNOWN if interval is None else f"{'~ ' if undecided else ''}{change(one.measure, interval.estimate)}"
    return [
        word(one.scenario),
        word(one.arm),
        word(one.measure.name),
        figure(shift, interval.estimate if interval else None),
        figure(
            change_range(one.measure, interval) if interval else UNKNOWN,
            None,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
        ),
        figure(probability(one.p), one.p),
        figure(margin(one.measure, one.margin), one.margin),
        figure(count(len(one.pairs)), len(one.pairs)),
        word(said, tone),
    ]


def cautions(found: list[Comparison], before: Evidence, after: Evidence) -> list[Caution]:
    """What speaks against reading a change as one of the code."""
    said = []
    one, other = before.headers[0].environment, after.headers[0].environment
    keys = ("processor", "system", "cores", "python")
    if differ := [f"{key}: {one[key]} and {other[key]}" for key in keys if key in one and one[key] != other.get(key)]:
        said.append(
            Caution(
                f"the machines differ ({'; '.join(differ)})", "compare runs of one machine, or read nothing into it"
            )
        )
    modes = {arm.name: arm.mode for arm in after.arms}
    moved = [c for c in found if modes[c.arm] in CONTROLS and c.verdict in (Verdict.BETTER, Verdict.WORSE)]
    if moved:
        where = ", ".join(f"{c.scenario} ({c.arm})" for c in moved)
        said.append(
            Caution(
                f"an arm without any policy changed too: {where}",
                "look at the machine and at the application before you blame a policy",
            )
        )
    return said
