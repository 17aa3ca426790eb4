"""Circuit breaking by outlier detection: one of three collectors is faulty, and is left out."""

from __future__ import annotations

import asyncio

from benchmarks.demos.airport import Airport
from benchmarks.demos.demo import Check, Counterpart, Demo, Run, by_chance, same
from benchmarks.demos.deployment import health_of

CALLS = 60
PATH = "/collector/status"
THREE = {"collector": 3}
BAD = "collector-1"
GOOD = ("collector-0", "collector-2")
PODS = ("collector-0", "collector-1", "collector-2")
EJECTED_S = 20.0
ENFORCED = "collector.default.svc.cluster.local;.outlier_detection.ejections_enforced_total"


async def three(airport: Airport) -> list[Check]:
    """Each of three collectors answers."""
    found = await airport.who(CALLS, PATH)
    return [
        same("ready pods of collector", list(PODS), await airport.ready("collector")),
        same(f"pods that answered {CALLS} x GET {PATH}", list(PODS), sorted(found)),
    ]


async def fault(airport: Airport) -> list[Check]:
    """A third of the calls meets the faulty one."""
    await airport.toggle(BAD)
    found = await airport.ask_often(PATH, CALLS)
    return [
        by_chance(f"503 of {CALLS} x GET {PATH}", 1 / 3, found[503], CALLS),
        same("every other status", {200}, set(found) - {503}),
    ]


async def outlier(airport: Airport) -> list[Check]:
    """After three failures in a row the faulty one is left out."""
    await airport.toggle(BAD)
    if airport.meshed:
        await airport.apply("outlier")
    before = await _ejections(airport)
    met = await _until_ejected(airport, before)
    found = await airport.who(CALLS, PATH)
    counter = f"cpanel to collector: {'ejections_enforced_total' if airport.meshed else 'events ejection'}"
    return [
        Check("503 until it was left out", "3 or more", str(met), met >= 3),
        same(counter, 1, await _ejections(airport) - before),
        same(f"pods that answered {CALLS} calls after it", list(GOOD), sorted(found)),
    ]


async def health(airport: Airport) -> list[Check]:
    """With the faulty one left out, all is well for those who ask."""
    await airport.toggle(BAD)
    if airport.meshed:
        await airport.apply("outlier")
    await _until_ejected(airport, await _ejections(airport))
    found = await airport.ask_often(PATH, CALLS)
    whole = await health_of(airport) if airport.meshed else []
    return [same(f"statuses of {CALLS} x GET {PATH}", {200: CALLS}, dict(found)), *whole]


async def _ejections(airport: Airport) -> int:
    if airport.meshed:
        return await airport.counted(ENFORCED)
    return (await airport.client_counters("cpanel", "collector"))["events"]["ejection"]


async def _until_ejected(airport: Airport, before: int) -> int:
    """Ask until somebody is left out; returns how many calls failed. After EJECTED_S the checks will say so."""
    met = 0
    try:
        async with asyncio.timeout(EJECTED_S):
            while await _ejections(airport) == before:
                met += (await airport.ask_often(PATH, 10))[503]
    except TimeoutError:
        airport.say(f"nobody was left out in {EJECTED_S:g} s")
    return met


def _demo(name: str, about: str, run: Run, objects: str) -> Demo:
    """The same in the library needs a client that sees replicas, with policies from `objects`."""
    counterpart = Counterpart(run, objects, "library-endpoints", ("cpanel-v1", "collector"), THREE)
    return Demo(name, about, run, counterpart, THREE)


DEMOS = (
    _demo("outlier-scale", "three collectors answer", three, "library/random"),
    _demo("outlier-fault", "one of three is faulty, and a third of the calls fails", fault, "library/random"),
    _demo("outlier", "the faulty one is left out", outlier, "outlier"),
    _demo("health-outlier", "all is well for those who ask", health, "outlier"),
)
