"""Independent aborts: success is 1 - f^n, and a call takes 1 + f + ... + f^(n-1) tries."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.closed_form import attempts, attempts_mass, binomial_bounds, success, sum_bounds
from benchmarks.faults.abort import Abort
from benchmarks.measures.availability import successes
from benchmarks.oracles.ground import LIBRARY, MESH, PLAIN, TRIES
from benchmarks.oracles.oracle import Check, Oracle, Run, Trial
from benchmarks.oracles.stage import Fault, Stage
from loadtests.schedule import Load

RATE = 0.5
"""Where a wrong rate, or a try too many, shows in the fewest calls."""
LOAD, DURATION_S = Load(pattern="poisson", rate=30), 10.0
EDGE = "collector->image-analysis"


def _of(tries: int) -> Run:
    async def run(stage: Stage, level: float) -> list[Check]:
        fault = Abort(kind="abort", service="image-analysis", replicas="all", status=503, rate=RATE)
        played = await stage.play(LOAD, DURATION_S, Fault(fault))
        won, sent = successes(played.rows, played.record, "fault")
        edge = played.record.edges[EDGE]
        share = _scaled(lambda: binomial_bounds(sent, success(RATE, tries), level), sent)
        made = _scaled(lambda: sum_bounds(attempts_mass(RATE, tries), edge.logical, level), edge.logical)
        return [
            Check("frames that succeed", success(RATE, tries), *share, won / sent, sent),
            Check(
                "tries of a call",
                attempts(RATE, tries),
                *made,
                edge.received / edge.logical,
                edge.logical,
                by_chance=tries > 1,
            ),
        ]

    return run


def _scaled(bounds: Callable[[], tuple[int, int]], n: int) -> tuple[float, float]:
    low, high = bounds()
    return low / n, high / n


# without retries a call takes one try, and nothing of that is by chance
ORACLE = Oracle(
    "aborts",
    f"half of all calls are aborted on their own: 1 - f^n succeed, f = {RATE:g}, n = 1 or {TRIES}",
    (Trial(PLAIN, _of(1), 1), Trial(LIBRARY, _of(TRIES), 2), Trial(MESH, _of(TRIES), 2)),
)
