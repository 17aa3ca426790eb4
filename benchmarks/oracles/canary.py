"""A canary: its weight is its share of the requests, and when it is bad, of the failures."""

from __future__ import annotations

from benchmarks.closed_form import binomial_bounds
from benchmarks.faults.abort import Abort
from benchmarks.faults.spec import Service
from benchmarks.measures.availability import successes
from benchmarks.oracles.ground import NEW, Ground, retries, rule, service
from benchmarks.oracles.oracle import Check, Oracle, Trial
from benchmarks.oracles.stage import Fault, Stage
from loadtests.schedule import Load

WEIGHT = 20
"""Per cent."""
CALLEE: Service = "image-analysis"
LOAD, DURATION_S = Load(pattern="poisson", rate=30), 10.0

VERSIONS = {"v1": 100 - WEIGHT, NEW: WEIGHT}
OBJECTS = (
    service(
        CALLEE,
        *({"destination": {"host": CALLEE, "subset": name}, "weight": weight} for name, weight in VERSIONS.items()),
        retries=retries(0),
    ),
    rule(CALLEE, subsets=[{"name": name, "labels": {"version": name}} for name in VERSIONS]),
)


async def _run(stage: Stage, level: float) -> list[Check]:
    bad = Abort(kind="abort", service=CALLEE, replicas="all", status=503, rate=1.0)
    played = await stage.play(LOAD, DURATION_S, Fault(bad, version=NEW))
    arrived = played.received(CALLEE, NEW)
    calls = played.record.edges[f"collector->{CALLEE}"].logical
    won, sent = successes(played.rows, played.record, "fault")
    share = WEIGHT / 100
    low, high = binomial_bounds(calls, share, level)
    return [
        Check("requests to the canary", share, low / calls, high / calls, arrived / calls, calls),
        # those that it got are those that failed: given the first figure, the second is certain
        Check("blast radius", arrived / sent, arrived / sent, arrived / sent, (sent - won) / sent, sent, False),
    ]


ORACLE = Oracle(
    "canary",
    f"a bad version gets {WEIGHT} % of the requests: a binomial split, and its weight is the blast radius",
    (Trial(Ground("mesh, canary", "mesh", OBJECTS, canary=CALLEE), _run, 1),),
)
