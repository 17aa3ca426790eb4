"""A canary: its weight is its share of the requests, and when it is bad, of the failures."""

from __future__ import annotations

from benchmarks.actions.canary import NEW, Canary
from benchmarks.faults import Service
from benchmarks.faults.abort import Abort
from benchmarks.oracles.experiment import experiment
from benchmarks.oracles.ground import BOTH, MESH, TRIES, Ground, retries, rule, service
from benchmarks.oracles.oracle import Check, Oracle, Run, Trial
from benchmarks.oracles.stage import Stage
from benchmarks.scenario import Load

CALLEE: Service = "image-analysis"
LOAD, DURATION_S = Load(pattern="poisson", rate=40), 7.5
OUT = Canary(kind="canary", service=CALLEE, old=3, new=1)
BAD = Abort(kind="abort", service=CALLEE, version=NEW, replicas="all", status=503, rate=1.0)
DRAWN = (service(CALLEE, retries=retries(0)), rule(CALLEE, trafficPolicy={"loadBalancer": {"simple": "RANDOM"}}))
"""By the number of requests under way, which is Istio's choice, a version that fails at once would get more."""


def _of(draws: int, each: int) -> Run:
    """Return the check where a version is drawn at most `draws` times a call, and then tried `each` times."""

    async def run(stage: Stage, level: float) -> list[Check]:
        played = await stage.play(experiment(LOAD, DURATION_S, BAD, OUT))
        drawn = played.received[CALLEE, NEW] / each
        calls, sent = played.record.edges[f"collector->{CALLEE}"].logical, played.arrived
        blast, share = played.measured("blast"), OUT.share**draws
        met = Check.drawn("draws of the canary, of a call", canary_mass(draws), calls, level, drawn / calls)
        if draws > 1:
            return [met, Check.drawn("blast radius", [1 - share, share], sent, level, blast)]
        # those that it got are those that failed: given the first figure, the second is certain
        return [met, Check.exact("blast radius", drawn / sent, blast, sent)]

    return run


def canary_mass(draws: int) -> list[float]:
    """The probability that a call meets the canary 0, 1, ... `draws` times, when each time but the last is followed."""
    return [*(OUT.share**met * (1 - OUT.share) for met in range(draws)), OUT.share**draws]


ORACLE = Oracle(
    "canary",
    f"a bad version gets {OUT.share:.0%} of the requests: its weight is the blast radius, by chance, "
    f"and w^{TRIES} where a library's tries are routed anew",
    (
        # by its share of the replicas, one of which is drawn for each call
        Trial(Ground("library-endpoints, canary", "library-endpoints", DRAWN), _of(1, 1), 1),
        # a sidecar chooses the version once for a call, and stays with it
        Trial(MESH, _of(1, TRIES), 1),
        Trial(BOTH, _of(TRIES, TRIES), 2),
    ),
)
