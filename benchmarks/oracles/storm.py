"""A retry storm: where each of k edges tries r times and everything fails, r^k requests reach the end of the chain."""

from __future__ import annotations

from benchmarks.closed_form import storm
from benchmarks.faults.abort import Abort
from benchmarks.oracles.ground import LIBRARY, MESH, TRIES
from benchmarks.oracles.oracle import Check, Oracle, Trial
from benchmarks.oracles.stage import Fault, Stage
from loadtests.schedule import Load

LOAD, DURATION_S = Load(pattern="constant", rate=4), 6.0
CHAIN = (("collector->momentum", 1), ("face-recognition->alerts", 2), ("alerts->momentum", 3))
"""Edges, and how many edges a frame has passed behind them. Only frames with a person of interest go the long way."""


async def _run(stage: Stage, _level: float) -> list[Check]:
    fault = Abort(kind="abort", service="momentum", replicas="all", status=503, rate=1.0)
    played = await stage.play(LOAD, DURATION_S, Fault(fault))
    frames = {1: len(played.rows), 2: played.alerting, 3: played.alerting}
    found = []
    for edge, depth in CHAIN:
        received = played.record.edges[edge].received
        certain, n = storm(TRIES, depth), frames[depth]
        what = f"requests a frame, depth {depth}"
        found.append(Check(what, certain, certain, certain, received / n if n else 0.0, n, by_chance=False))
    return found


ORACLE = Oracle(
    "storm",
    f"the end of a chain fails every call: r^k requests at depth k, r = {TRIES}; exact",
    (Trial(LIBRARY, _run, 0), Trial(MESH, _run, 0)),
)
