"""Istio objects change under load: every kind that leaves callers what they are owed, and not one call notices."""

from __future__ import annotations

from pathlib import Path

from benchmarks.perf.changes import measure
from benchmarks.perf.edge_objects import KINDS


async def test_no_call_fails_while_objects_of_every_kind_change_under_load(tmp_path: Path) -> None:
    # Two rounds, so that each kind also meets what the others left; `goaround perf changes` makes 200 at 200 a second.
    outcome = await measure(2 * len(KINDS), 100, tmp_path)
    assert [effect.kind for effect in outcome.effects] == [kind.name for kind in KINDS] * 2
    assert len(outcome.answers) > 2 * len(KINDS)
    assert not outcome.failed
