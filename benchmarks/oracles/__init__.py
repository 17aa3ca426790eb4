"""Results that are known before anything is measured: one file each. A harness that misses one measures nothing."""

from __future__ import annotations

from benchmarks.oracles import aborts, budget, canary, queue, storm
from benchmarks.oracles.oracle import Check, Oracle, Trial

ORACLES: dict[str, Oracle] = {each.ORACLE.name: each.ORACLE for each in (aborts, storm, budget, canary, queue)}

__all__ = ["ORACLES", "Check", "Oracle", "Trial"]
