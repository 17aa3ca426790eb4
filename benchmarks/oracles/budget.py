"""A retry budget: with 10 % of what is under way, an outage is called 1.1 times as often and not r times."""

from __future__ import annotations

import math

from benchmarks.faults import Service
from benchmarks.faults.abort import Abort
from benchmarks.faults.delay import Delay
from benchmarks.oracles.experiment import experiment
from benchmarks.oracles.ground import Ground, retries, rule, service
from benchmarks.oracles.oracle import Check, Oracle, Trial
from benchmarks.oracles.stage import Stage
from benchmarks.scenario import Load

SHARE = 0.10
CALLEE: Service = "image-analysis"
LOAD, DURATION_S = Load(pattern="constant", rate=40), 10.0
HELD_S = 1.0
"""Every try is held for so long and then fails: a budget counts what is under way, so a first try and a retry must
be under way equally long for its share to be one of the requests."""
PAUSE_S = 0.1
"""At most between a failure and the retry that takes its permit: Envoy's first back-off is below 25 ms, the wait for
the next failure another 25 ms at this rate, and the machine is given as much again."""

OBJECTS = (
    service(CALLEE, retries=retries(3)),
    rule(CALLEE, trafficPolicy={"retryBudget": {"percent": SHARE * 100, "minRetryConcurrency": 1}}),
)


async def _run(stage: Stage, _level: float) -> list[Check]:
    held = Delay(kind="delay", service=CALLEE, replicas="all", rate=1.0, delay_ms=HELD_S * 1000)
    failed = Abort(kind="abort", service=CALLEE, replicas="all", rate=1.0, status=503)
    # one caller: each has a budget of its own
    played = await stage.play(experiment(LOAD, DURATION_S, failed), held, entries=1)
    calls = played.record.edges[f"collector->{CALLEE}"].logical
    return [Check("requests a call", 1 + SHARE, *bounds(), played.measured("attempts"), calls, by_chance=False)]


def bounds() -> tuple[float, float]:
    """What the number of permits allows, first tries all counted.

    At most a share SHARE of what is under way, retries included, is retries: 1 + b / (1 - b). At least floor(b * first
    tries under way) permits are used again and again, from the first failure to the last arrival.
    """
    under_way = LOAD.rate * HELD_S
    permits = math.floor(SHARE * under_way)
    retried = permits * (DURATION_S - HELD_S) / (HELD_S + PAUSE_S)
    return 1 + retried / (LOAD.rate * DURATION_S), 1 + SHARE / (1 - SHARE)


ORACLE = Oracle(
    "budget",
    "every call fails, and 10 % of what is under way may be retries: 1.1 requests a call",
    (
        Trial(Ground("library-endpoints, budget", "library-endpoints", OBJECTS), _run, 0),
        Trial(Ground("mesh, budget", "mesh", OBJECTS), _run, 0),
    ),
)
