"""A queue: the wait for one of c connections to a replica with a known service time is that of M/M/c."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from random import Random
from statistics import fmean

from benchmarks.closed_form import wait_mmc
from benchmarks.faults import Service
from benchmarks.faults.delay import Delay
from benchmarks.measures.latency import success_ms
from benchmarks.oracles.experiment import experiment
from benchmarks.oracles.ground import Ground, retries, rule, service
from benchmarks.oracles.oracle import Check, Oracle, Trial
from benchmarks.oracles.stage import Played, Stage
from benchmarks.scenario import Load

CALLEE: Service = "image-analysis"
SERVERS = 2
MEAN_S = 0.040
BUSY, BUSY_S = Load(pattern="poisson", rate=28), 30.0
QUIET, QUIET_S = Load(pattern="constant", rate=6), 6.0
SIMULATIONS = 4000

SERVICE = Delay(
    kind="delay", service=CALLEE, replicas="all", delay_ms=MEAN_S * 1000, rate=1.0, distribution="exponential"
)
OBJECTS = (
    service(CALLEE, retries=retries(0)),
    rule(
        CALLEE,
        trafficPolicy={
            "connectionPool": {"tcp": {"maxConnections": SERVERS}, "http": {"http1MaxPendingRequests": 10_000}}
        },
    ),
)


async def _run(stage: Stage, level: float) -> list[Check]:
    # one caller: each has a limit, and with it a queue, of its own
    quiet = await stage.play(experiment(QUIET, QUIET_S, SERVICE), entries=1)
    busy = await stage.play(experiment(BUSY, BUSY_S, SERVICE), entries=1)
    # a connection is held for the request's own way too
    way_s = quiet.called[CALLEE].mean_s - quiet.worked[CALLEE].mean_s
    predicted = wait_mmc(BUSY.rate, MEAN_S + way_s, SERVERS)
    low, high = wait_bounds(way_s, level)
    waited = outside(busy) - outside(quiet)
    return [Check("mean wait, ms", predicted * 1000, low * 1000, high * 1000, waited * 1000, len(busy.rows))]


def outside(played: Played) -> float:
    """Mean seconds of a frame that its callee did not work on it: what else it needs, and the wait."""
    return fmean(success_ms(played.rows, played.record, "fault")) / 1000 - played.worked[CALLEE].mean_s


def wait_bounds(way_s: float, level: float) -> tuple[float, float]:
    """Between which the mean wait of so few arrivals, beginning with an empty queue, lies: by simulation, seeded.

    The mean of a steady state is that of infinitely many arrivals; those of one run hang together.
    """
    rng = Random("queue")
    means = sorted(fmean(waits(rng, way_s)) for _ in range(SIMULATIONS))
    beyond = int(SIMULATIONS * (1 - level) / 2)
    return means[beyond], means[-1 - beyond]


def waits(rng: Random, way_s: float) -> Sequence[float]:
    """The waits of one run, first come first served: Kiefer and Wolfowitz's recursion (1955)."""
    free = [0.0] * SERVERS
    clock, found = 0.0, []
    while (clock := clock + rng.expovariate(BUSY.rate)) < BUSY_S:
        begin = max(clock, heapq.heappop(free))
        heapq.heappush(free, begin + way_s + rng.expovariate(1 / MEAN_S))
        found.append(begin - clock)
    return found


ORACLE = Oracle(
    "queue",
    f"{SERVERS} connections to replicas with an exponential service time of {MEAN_S * 1000:g} ms: the wait of M/M/c",
    (Trial(Ground("library, queue", "library", OBJECTS, env={CALLEE: {"SERVICE_TIME_MS": "0"}}), _run, 1),),
)
