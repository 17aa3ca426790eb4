"""Circuit breaking by pool: one connection to the collector, and one call that may wait for it."""

from __future__ import annotations

from benchmarks.demos.airport import Airport, cluster
from benchmarks.demos.demo import Check, Counterpart, Demo, same

CALLS = 60
PATH = "/collector/status"
WORK_MS = 20
"""What a call takes at the collector: without it, calls that are sent together may still come one by one."""


async def breaker(airport: Airport) -> list[Check]:
    """One caller is never refused; two fit, one waiting; of three together some are refused, and each is counted."""
    if airport.meshed:
        await airport.apply("circuit-breaker")
    await airport.fault("collector", "delay", delay_ms=WORK_MS, rate=1.0)
    checks = []
    for at_once in (1, 2, 3):
        before = await _refused(airport)
        found = await airport.ask_often(PATH, CALLS, at_once)
        refused = await _refused(airport) - before
        share = f"{found[200]} x 200, {found[503]} x 503"
        right = {
            1: found[200] == CALLS,
            2: found[200] + found[503] == CALLS,
            3: found[200] + found[503] == CALLS and 0 < found[503] < CALLS,
        }
        expected = {1: f"{CALLS} x 200", 2: "200, and 503 at times", 3: "some 200, some 503"}
        checks.append(Check(f"{CALLS} x GET {PATH}, {at_once} at once", expected[at_once], share, right[at_once]))
        counter = "upstream_rq_pending_overflow" if airport.meshed else "client: outcomes 503/UO"
        checks.append(same(f"  {counter}", found[503], refused))
    return checks


async def _refused(airport: Airport) -> int:
    if airport.meshed:
        return await airport.counted(cluster("upstream_rq_pending_overflow", "collector", ""))
    return (await airport.client_counters("cpanel", "collector"))["outcomes"]["503/UO"]


DEMOS = (
    Demo(
        "circuit-breaker",
        "one connection, one waiting: of three calls at once some are refused",
        breaker,
        Counterpart(breaker, "circuit-breaker", deployments=("cpanel-v1", "collector")),
    ),
)
