"""The cost of a change: how much is written, what is started again, how soon it is in effect, and what it loses."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.actions.apply import Apply
from benchmarks.actions.canary import Canary
from benchmarks.actions.rollout import rewritten
from benchmarks.measures.elapsed import Elapsed, Time
from benchmarks.measures.measure import within
from istio.objects import Document
from k8s.render import WITH_SIDECARS
from loadtests.rows import Outcome, Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Change:
    """One change in one cell.

    `lines`: of YAML that differ, or of the file that a library reads; None for a release, whose diff is not known here.
    `redeployed`: processes that were started again, or ended. `in_effect`: seconds from the order until every sidecar
    followed, or every replica was back; None when the record does not say. `failed`: arrivals of the fault phase that
    did not succeed, whatever the reason. Of a canary all of this is its rollback's: `failed` are those from the end of
    the fault phase, where it is ordered, until it was in effect; to the end of the load when the record does not say.
    """

    lines: int | None
    redeployed: int
    in_effect: Time | None
    failed: int


def change(
    rows: Sequence[Row],
    record: Record,
    scenario: Scenario,
    before: Iterable[Mapping[str, Any]],
    file: str | None = None,
) -> Change | None:
    """What the action of a cell cost; None in a scenario without one.

    `before`: the arm's Istio objects; `file`: what its library reads, None for an arm without one.

    Source: DORA, "Accelerate" (lead time and failures of a change), here of one change of a policy.
    """
    if scenario.action is None or record.action is None:
        return None
    if isinstance(scenario.action, Canary):
        return _rollback(scenario.action, rows, record, list(before))
    applied = scenario.action if isinstance(scenario.action, Apply) else None
    written = None
    if applied and record.mode in WITH_SIDECARS:
        written = lines(before, applied.objects)
    elif applied and file is not None:
        # where a library reads a file, the same objects are a rollout
        written = _differing(*map(_laid_out, (file, rewritten(file, record.mode, applied.service, applied.objects))))
    done = record.injected.get("action")
    return Change(
        lines=written,
        redeployed=0 if applied and record.mode in WITH_SIDECARS else sum(record.action["fired"].values()),
        in_effect=None if done is None else Elapsed(done),
        failed=_failed(within(rows, record, "fault")),
    )


def _rollback(canary: Canary, rows: Sequence[Row], record: Record, before: list[Mapping[str, Any]]) -> Change:
    """The change that ends a canary: weights where there are objects, replicas that go where there are none."""
    done = record.removed.get("action")
    in_effect = None if done is None else Elapsed(done)
    ordered = next(phase.end for phase in record.phases if phase.name == "fault")
    failed = _failed(row for row in rows if ordered <= row.at < ordered + (math.inf if done is None else done))
    if record.mode in WITH_SIDECARS:
        out, back = canary.rollback(before)
        return Change(lines([out], [back]), 0, in_effect, failed)
    return Change(None, canary.new, in_effect, failed)


def _failed(rows: Iterable[Row]) -> int:
    return sum(row.outcome is not Outcome.SUCCESS for row in rows)


def lines(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> int:
    """Lines of YAML added or taken away, as `diff` counts them, where each object replaces that of its name."""
    known = {Document(one).key: one for one in before}
    return sum(_differ(known.get(Document(one).key), one) for one in after)


def _differ(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> int:
    return _differing(*(yaml.safe_dump(dict(one)).splitlines() if one else [] for one in (before, after)))


def _laid_out(file: str) -> list[str]:
    """A library's file as a pod mounts it."""
    return json.dumps(json.loads(file), indent=1, sort_keys=True).splitlines()


def _differing(old: Sequence[str], new: Sequence[str]) -> int:
    changes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return sum(until - at + until_new - at_new for what, at, until, at_new, until_new in changes if what != "equal")
