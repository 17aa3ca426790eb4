"""Who gets the calls from outside: versions by weight, by header, as a copy."""

from __future__ import annotations

import asyncio

from benchmarks.demos.airport import Airport, cluster
from benchmarks.demos.demo import Check, Counterpart, Demo, by_chance, same

CALLS = 100
GATEWAY = "a gateway chooses versions for callers outside; a client library sees none of their calls"
COPIES_S = 5.0


async def load(airport: Airport) -> list[Check]:
    """Ask 100 times for the status."""
    before = await airport.counted(cluster("upstream_rq_200", "cpanel"))
    found = await airport.who(CALLS)
    checks = [same(f"who answered {CALLS} x GET /status", {"cpanel-v1-0": CALLS}, dict(found))]
    if airport.meshed:
        counted = await airport.counted(cluster("upstream_rq_200", "cpanel")) - before
        checks.append(same("gateway to v1: upstream_rq_200", CALLS, counted))
    return checks


async def load_front(airport: Airport) -> list[Check]:
    """Ask 100 times for the page."""
    return [same(f"headings of {CALLS} x GET /", {"Dashboard V1": CALLS}, dict(await airport.titles(CALLS)))]


async def half(airport: Airport) -> list[Check]:
    """Each version has half."""
    await airport.apply("cpanel-50-50")
    before = [await airport.counted(cluster("upstream_rq_total", "cpanel", each)) for each in ("v1", "v2")]
    found = await airport.who(CALLS)
    after = [await airport.counted(cluster("upstream_rq_total", "cpanel", each)) for each in ("v1", "v2")]
    return [
        by_chance("answers of v2", 0.5, found["cpanel-v2-0"], CALLS),
        same("answers of v1 and v2", CALLS, found["cpanel-v1-0"] + found["cpanel-v2-0"]),
        same(
            "gateway to v1, v2: upstream_rq_total",
            [found["cpanel-v1-0"], found["cpanel-v2-0"]],
            [now - then for now, then in zip(after, before, strict=True)],
        ),
    ]


async def version_2(airport: Airport) -> list[Check]:
    """Version 2 has all."""
    await airport.apply("cpanel-v2")
    return [
        same(f"who answered {CALLS} x GET /status", {"cpanel-v2-0": CALLS}, dict(await airport.who(CALLS))),
        same("headings of 10 x GET /", {"Dashboard V2": 10}, dict(await airport.titles(10))),
    ]


async def admins(airport: Airport) -> list[Check]:
    """A header decides."""
    await airport.apply("cpanel-admin")
    return [
        same("10 x GET / with `user: admin`", {"Dashboard V2": 10}, dict(await airport.titles(10, user="admin"))),
        same("10 x GET / with `user: guest`", {"Dashboard V1": 10}, dict(await airport.titles(10, user="guest"))),
        same("10 x GET / without the header", {"Dashboard V1": 10}, dict(await airport.titles(10))),
    ]


async def mirror(airport: Airport) -> list[Check]:
    """Version 1 answers; version 2 gets a copy of every call, and nobody waits for its answers."""
    await airport.apply("mirror")
    copies = cluster("upstream_rq_completed", "cpanel", "v2")
    before = await airport.counted(copies)
    found = await airport.who(CALLS)
    try:
        async with asyncio.timeout(COPIES_S):
            while await airport.counted(copies) < before + CALLS:  # noqa: ASYNC110 - Envoy tells nobody of a copy
                await asyncio.sleep(0.05)
    except TimeoutError:
        airport.say(f"not every copy was answered in {COPIES_S:g} s")
    return [
        same(f"who answered {CALLS} x GET /status", {"cpanel-v1-0": CALLS}, dict(found)),
        same("gateway to v2: upstream_rq_completed", CALLS, await airport.counted(copies) - before),
    ]


DEMOS = (
    Demo(
        "load",
        "100 calls for the status",
        load,
        Counterpart(load, deployments=("cpanel-v1",)),
        asks_the_gateway=True,
    ),
    Demo(
        "load-front",
        "100 calls for the page",
        load_front,
        Counterpart(load_front, deployments=("cpanel-v1", "momentum")),
    ),
    Demo("cpanel-50-50", "half of the calls for each version", half, GATEWAY, asks_the_gateway=True),
    Demo("cpanel-v2", "all calls for version 2", version_2, GATEWAY),
    Demo("cpanel-admin", "admins see version 2, everybody else version 1", admins, GATEWAY),
)
MIRROR = (Demo("mirror", "version 2 gets a copy of every call", mirror, GATEWAY, asks_the_gateway=True),)
