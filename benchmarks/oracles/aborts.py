"""Independent aborts: success is 1 - f^n, and a call takes 1 + f + ... + f^(n-1) tries."""

from __future__ import annotations

from benchmarks.closed_form import attempts_mass, success
from benchmarks.faults.abort import Abort
from benchmarks.oracles.experiment import experiment
from benchmarks.oracles.ground import BOTH, ENDPOINTS, LIBRARY, MESH, PLAIN, SIDECAR, STACKED, TRIES, Ground
from benchmarks.oracles.oracle import Check, Oracle, Run, Trial
from benchmarks.oracles.stage import Stage
from benchmarks.scenario import Load

RATE = 0.5
"""Where a wrong rate, or a try too many, shows in the fewest calls."""
LOAD, DURATION_S = Load(pattern="poisson", rate=40), 7.5
EDGE = "collector->image-analysis"


def _of(tries: int) -> Run:
    async def run(stage: Stage, level: float) -> list[Check]:
        fault = Abort(kind="abort", service="image-analysis", replicas="all", status=503, rate=RATE)
        played = await stage.play(experiment(LOAD, DURATION_S, fault))
        calls, won = played.record.edges[EDGE].logical, success(RATE, tries)
        return [
            Check.drawn("frames that succeed", [1 - won, won], played.arrived, level, played.measured("availability")),
            Check.drawn("tries of a call", attempts_mass(RATE, tries), calls, level, played.measured("attempts")),
        ]

    return run


def _trial(ground: Ground, tries: int) -> Trial:
    # without retries a call takes one try, and nothing of that is by chance
    return Trial(ground, _of(tries), 2 if tries > 1 else 1)


ORACLE = Oracle(
    "aborts",
    f"half of all calls are aborted on their own: 1 - f^n succeed, f = {RATE:g}, n = 1, {TRIES} or {STACKED}",
    (
        *(_trial(ground, 1) for ground in (PLAIN, SIDECAR)),
        *(_trial(ground, TRIES) for ground in (LIBRARY, ENDPOINTS, MESH)),
        _trial(BOTH, STACKED),
    ),
)
