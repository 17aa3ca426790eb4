"""Tries that make up for failures, while the fault stays as it is."""

from __future__ import annotations

from benchmarks.demos.airport import Airport, cluster
from benchmarks.demos.demo import Check, Counterpart, Demo, Run, at_least, by_chance, same

CALLS = 60
FAILS = 0.25
TRIES = 4
PATH = "/sections/1/status"
OTHERS = ("/sections/2/status", "/momentum/status", "/status")


async def _break(airport: Airport) -> None:
    if airport.meshed:
        await airport.apply("retries-fault")
    else:
        await airport.fault("section-1", "abort", status=500, rate=FAILS)


async def fault(airport: Airport) -> list[Check]:
    """A quarter of the calls fails."""
    await _break(airport)
    found = await airport.ask_often(PATH, CALLS)
    return [
        by_chance(f"200 of {CALLS} x GET {PATH}", 1 - FAILS, found[200], CALLS),
        same("every other status", {500}, set(found) - {200}),
    ]


async def retries(airport: Airport) -> list[Check]:
    """Nearly every call is right: all four tries fail in 0.25^4 = 0.4 % of them."""
    counter = cluster("upstream_rq_retry", "cpanel")
    await _break(airport)
    checks = []
    if airport.meshed:
        once = (await airport.ask_often(PATH, CALLS))[200]
        checks.append(by_chance(f"200 of {CALLS} x GET {PATH}, one try", 1 - FAILS, once, CALLS))
        await airport.apply("retries")
    before = await airport.counted(counter)
    checks.append(await _made_up(airport))
    if airport.meshed:
        checks.append(at_least("gateway to v1: upstream_rq_retry", 1, await airport.counted(counter) - before))
    else:
        events = (await airport.client_counters("cpanel", "section-1"))["events"]
        checks.append(at_least("client: events retry", 1, events["retry"]))
    return checks


async def health(airport: Airport) -> list[Check]:
    """Who asks sees a section that is well, and so are the others."""
    await _break(airport)
    if airport.meshed:
        await airport.apply("retries")
    return [await _made_up(airport), *[same(f"GET {path}", 200, (await airport.ask(path))[0]) for path in OTHERS]]


async def _made_up(airport: Airport) -> Check:
    good = (await airport.ask_often(PATH, CALLS))[200]
    return by_chance(f"200 of {CALLS} x GET {PATH}, {TRIES} tries", 1 - FAILS**TRIES, good, CALLS)


def _demo(name: str, about: str, run: Run, objects: str, *more: str) -> Demo:
    counterpart = Counterpart(run, objects, deployments=("cpanel-v1", "section-1", *more))
    return Demo(name, about, run, counterpart, asks_the_gateway=run is retries)


DEMOS = (
    _demo("retries-fault", "a quarter of the calls to section 1 fails", fault, "library/none"),
    _demo("retries", "three more tries make up for it", retries, "library/retries"),
    _demo("health-retries", "all look well", health, "library/retries", "section-2", "momentum"),
)
