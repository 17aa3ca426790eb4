"""A retry storm: where each of k edges tries r times and everything fails, r^k requests reach the end of the chain."""

from __future__ import annotations

from benchmarks.closed_form import storm
from benchmarks.faults import Service
from benchmarks.faults.abort import Abort
from benchmarks.oracles.experiment import experiment
from benchmarks.oracles.ground import BOTH, ENDPOINTS, LIBRARY, MESH, STACKED, TRIES
from benchmarks.oracles.oracle import Check, Oracle, Run, Trial
from benchmarks.oracles.stage import Stage
from benchmarks.scenario import Load

LOAD, DURATION_S = Load(pattern="constant", rate=4), 6.0
CHAIN = {"collector->momentum": 1, "face-recognition->alerts": 2, "alerts->momentum": 3}
"""Edges, the deepest last, and how many a frame has passed behind them; only with a person of interest the long way."""
SHORT_CHAIN = {"face-recognition->alerts": 2}
"""What fails where tries are stacked: at depth 3 one frame would be 729 requests."""


def _of(end: Service, chain: dict[str, int], tries: int) -> Run:
    async def run(stage: Stage, _level: float) -> list[Check]:
        fault = Abort(kind="abort", service=end, replicas="all", status=503, rate=1.0)
        played = await stage.play(experiment(LOAD, DURATION_S, fault))
        found = played.amplified
        every = [
            Check.exact(
                f"requests a frame, depth {depth}",
                storm(tries, depth),
                found[edge].per_frame if edge in found else 0.0,
                found[edge].frames if edge in found else 0,
            )
            for edge, depth in chain.items()
        ]
        # the one that scenarios are decided by finds the deepest edge by itself
        measured = played.measured("requests-per-frame")
        return [*every, Check.exact("requests a frame", every[-1].predicted, measured, every[-1].n)]

    return run


ORACLE = Oracle(
    "storm",
    f"the end of a chain fails every call: r^k requests at depth k, r = {TRIES} or {STACKED}; exact",
    (
        *(Trial(ground, _of("momentum", CHAIN, TRIES), 0) for ground in (LIBRARY, ENDPOINTS, MESH)),
        Trial(BOTH, _of("alerts", SHORT_CHAIN, STACKED), 0),
    ),
)
