"""The sentences of a report: what was compared, what came out, what to know, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import median

from benchmarks.arm import WITH_POLICIES
from benchmarks.machine import CPU_LIMIT
from benchmarks.measures.activity import activity
from benchmarks.measures.exposure import cut_short, exposed
from benchmarks.report.evidence import Evidence, Group
from benchmarks.report.figures import change, change_range, share
from benchmarks.report.proof import BUSY
from benchmarks.report.table import Caution
from benchmarks.verdict import ENOUGH, Comparison, Verdict

WITH_PROXIES = ("sidecar", "mesh", "both")
PROXY_COST = {
    False: "The proxies' cost is Envoy's alone: no pilot-agent, no istiod, none of Istio's telemetry filters.",
    True: "The proxies' cost is that of the sidecar containers, Envoy and pilot-agent; istiod's is not in it.",
}
"""By whether the run was made in a cluster."""
APART = "two separate runs, not interleaved: no verdict; `make bench` gives one"


def title(found: Evidence) -> str:
    """The heading: the run's name, or why two runs allow no verdict."""
    names = " and ".join(header.name for header in found.headers)
    return f"goaround: {names}" if found.interleaved else f"{names}: {APART}"


def summary(found: Evidence, compared: list[Comparison]) -> Iterator[str]:
    """What was compared, then what was decided."""
    first = found.headers[0]
    repetitions = max((cell.repetition for header in found.headers for cell in header.plan), default=0)
    arms = [f"{arm.name} ({arm.policies} policies)" if arm.policies else arm.name for arm in found.arms]
    rates = sorted({scenario.load.rate for scenario in found.scenarios})
    yield (
        f"One application, {_counted(len(arms), 'arm')} ({', '.join(arms)}), "
        f"{_counted(len(found.scenarios), 'scenario')}, {_counted(repetitions, 'repetition')}: "
        f"{found.finished} of {found.planned} cells are good, {_counted(len(found.void), 'try')} void. "
        f"{' and '.join(f'{rate:g}' for rate in rates)} frames/s, seed {first.seed}, made {first.created[:10]}"
        f"{_machine(first.environment)}."
    )
    decided = [one for one in compared if one.verdict in (Verdict.BETTER, Verdict.WORSE)]
    for one in decided:
        if one.interval:
            yield (
                f"{one.scenario}: {one.arm} is {one.verdict} than {one.base} in {one.measure.title}: "
                f"{change(one.measure, one.interval.estimate)} {change_range(one.measure, one.interval)}."
            )
    equal = [one for one in compared if one.verdict is Verdict.EQUIVALENT]
    yield from (f"{one.scenario}: {one.arm} and {one.base} are equal within the margin." for one in equal)


def _machine(environment: dict[str, object]) -> str:
    named = [str(environment[key]) for key in ("processor", "system") if environment.get(key)]
    cores = f"{environment['cores']} cores" if environment.get("cores") else None
    parts = [*named, *([cores] if cores else [])]
    return f" on {', '.join(parts)}" if parts else ""


def notes(found: Evidence) -> Iterator[str]:
    """What a reader must know to read the tables right."""
    for header in found.headers:
        if header.stopped:
            yield f"Stopped after {max(cell.repetition for cell in header.plan)} repetitions: {header.stopped}."
        elif header.until_narrow and found.finished == found.planned:
            yield "Went on to its last repetition: not every interval became as narrow as its margin."
    if any(arm.mode in WITH_PROXIES for arm in found.arms):
        yield PROXY_COST[found.headers[0].environment.get("target") == "cluster"]
    yield from _meant_full(found)
    again = Counter[str]()
    for group in found.groups:
        again[group.arm] += sum(sum(cell.record.inbound_retries.values()) for cell in group.valid)
    if again.total():
        counted = ", ".join(f"{arm} {n}" for arm, n in again.items() if n)
        yield f"Sidecars tried again towards their own application, as istiod makes each do: {counted}."
    yield from dict.fromkeys(note for header in found.headers for note in header.notes)
    kept = [cell.record for group in found.groups for cell in group.valid if cell.record.traced]
    if kept and len(found.headers) == 1:
        (header,) = found.headers
        yield (
            f"The calls of {sum(len(record.traced) for record in kept)} failed requests are kept: "
            f"`goaround trace {kept[0].traced[0]} --run {header.name}` shows every attempt of one."
        )
    yield "Arms of a repetition meet the same arrivals, frames and faulted replica."


def _meant_full(found: Evidence) -> Iterator[str]:
    """Where a scenario is meant to fill the machine, and in how many cells it did."""
    for scenario in found.scenarios:
        if (meant := scenario.saturated) is None:
            continue
        shares = [cell.record.machine for group in found.of(scenario.name) for cell in group.valid]
        full = sum(any(one.get(phase, 0.0) > CPU_LIMIT for phase in meant.phases) for one in shares)
        phases = " and ".join(meant.phases)
        yield (
            f"{scenario.name} is meant to fill the machine in the phases {phases} ({meant.reason.rstrip('.')}): there "
            f"the generator's lateness decides, and no limit of the CPU. Above {CPU_LIMIT:.0%} in {full} of "
            f"{len(shares)} good cells."
        )


def warnings(found: Evidence, compared: list[Comparison]) -> Iterator[Caution]:
    """What limits the figures, each with what to do."""
    for sentence in found.broken:
        yield Caution(sentence, "do not cite this run: get the original files, or run the bench again")
    left, void = found.planned - found.finished, _all_void(found)
    if left:
        unrun = f", {left - void} not run yet" if left > void else ""
        yield Caution(
            f"{left} of {found.planned} cells have no good try ({_counted(len(found.void), 'void try')}{unrun})",
            " and ".join(f"`goaround bench --resume {header.name}`" for header in found.headers)
            + " runs what is missing"
            + ("; the table of void cells has the reasons" if void else ""),
        )
    few = [one for one in compared if len(one.pairs) < ENOUGH]
    planned = max((cell.repetition for header in found.headers for cell in header.plan), default=0)
    if few:
        yield Caution(
            f"{len(few)} of {len(compared)} comparisons have fewer than {ENOUGH} pairs: points, and no verdict",
            _why_few(planned, left, void),
        )
    unsure = [one for one in compared if one.verdict is Verdict.INCONCLUSIVE]
    if unsure:
        yield Caution(
            f"{len(unsure)} of {len(compared)} comparisons are inconclusive",
            "more repetitions narrow the intervals: "
            f"`goaround bench --repetitions {2 * max(len(one.pairs) for one in unsure)}`",
        )
    voids = {arm.name: sum(len(g.void) for g in found.groups if g.arm == arm.name) for arm in found.arms}
    if len(set(voids.values())) > 1:
        counted = ", ".join(f"{arm} {n}" for arm, n in voids.items())
        yield Caution(
            f"void tries are not equal between arms ({counted}): what voids a cell of one may have slowed good "
            "cells of another",
            "repeat on a machine with nothing else to do",
        )
    for group in found.groups:
        yield from _of_group(group, found)


def _all_void(found: Evidence) -> int:
    """How many cells were tried, and every time in vain."""
    good = [{cell.record.repetition for cell in group.valid} for group in found.groups]
    void = [{cell.record.repetition for cell in group.void} for group in found.groups]
    return sum(len(tried - kept) for tried, kept in zip(void, good, strict=True))


def _why_few(planned: int, left: int, void: int) -> str:
    """What to do about too few pairs, where `planned` repetitions were asked for and `left` cells have no good try.

    `void`: how many of them were tried.
    """
    if planned < ENOUGH:
        return f"repeat at least {ENOUGH} times: `goaround bench --repetitions {ENOUGH}`"
    if left:
        which = [*(["void cells"] if void else []), *(["cells that were not run yet"] if left > void else [])]
        return f"{' and '.join(which)} are why: resume the run when the machine has nothing else to do"
    return "the cells are good, and some have no such figure: docs/measures.md says what each measure needs"


def _of_group(group: Group, found: Evidence) -> Iterator[Caution]:
    where = f"{group.scenario.name}, {group.arm}"
    records = [cell.record for cell in group.valid]
    machine = [record.machine["steady"] for record in records if "steady" in record.machine]
    if machine and max(machine) > BUSY:
        yield Caution(
            f"{where}: the machine was {share(max(machine))} busy in a steady phase; "
            f"above {BUSY * 100:.0f} % it may slow what it runs",
            "close other programs, or lower the rate: `goaround bench --rate 20`",
        )
    audits = [record.generator for record in records if record.generator]
    if dropped := sum(audit.dropped for audit in audits):
        yield Caution(
            f"{where}: {dropped} arrivals were dropped by the generator, and count as not served: from "
            "there on the load was no open loop, and it was not the arm that shed it",
            "more were waiting than one generator has room for: lower the rate, `goaround bench --rate 20`",
        )
    if (seen := exposed(records)) and seen[0] < seen[1]:
        yield Caution(
            f"{where}: the application met the fault in {seen[0]} of {seen[1]} repetitions; in the others none of its "
            "kept connections led to a faulted replica",
            "where connections go is drawn anew in each repetition: more of them show how much hangs on it",
        )
    if ended := [seconds for record in records if (seconds := cut_short(record)) is not None]:
        yield Caution(
            f"{where}: in {len(ended)} of {len(records)} repetitions a victim's process was ended and started again, "
            f"and the fault on it was over, after {median(ended):.1f} s of {group.scenario.phases.fault:g} s (median)",
            "so Kubernetes does with who fails its liveness probe: read `mitigate` with it, or shorten the fault phase",
        )
    kept = [record.integrity for record in records if record.integrity]
    if wrong := sum(one.false_acks for one in kept):
        yield Caution(
            f"{where}: {_counted(wrong, 'frame')} acknowledged and not stored",
            "they count as available, but not as goodput: read the goodput",
        )
    if twice := sum(one.duplicated for one in kept):
        yield Caution(
            f"{where}: {_counted(twice, 'frame')} stored more than once",
            "retries need idempotency: keep it on",
        )
    arm = next(arm for arm in found.arms if arm.name == group.arm)
    acted = any(events.acted for events in activity(records).values())
    if records and arm.mode in WITH_POLICIES and group.scenario.fault and not acted:
        yield Caution(
            f"{where}: no policy acted, so the figures show none of its effect",
            "compare the fault with the policies: the tables above count every retry, ejection and opened breaker",
        )


def _counted(n: int, noun: str) -> str:
    if n != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{n} {noun}"
