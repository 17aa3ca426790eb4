"""Health checks: readiness takes a pod out of its Service, liveness starts it again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from benchmarks.demos.airport import Airport, cluster
from benchmarks.demos.demo import Check, Demo, at_least, same

STRUCK = "collector-1"
CALLS = 30
PATH = "/collector/status"
LEAVES_S, RETURNS_S = 20.0, 60.0
KUBELET = "probes are the kubelet's; no client takes part in them"


async def health_checks(airport: Airport) -> list[Check]:
    """A collector that hangs leaves its Service, is killed, and comes back; STRICT mutual TLS is in nobody's way."""
    await airport.apply("mtls")
    before = (await airport.pod(STRUCK)).restarts
    await airport.world.freeze(STRUCK, ttl_s=RETURNS_S)
    airport.say(f"stopped the process of {STRUCK}")
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def endpoints() -> int:
        return await airport.counted(cluster("membership_healthy", "collector", ""), "cpanel-v1-0")

    async def out() -> bool:
        return not (await airport.pod(STRUCK)).ready and await endpoints() == 1

    async def back() -> bool:
        pod = await airport.pod(STRUCK)
        return pod.ready and pod.restarts > before and await endpoints() == 2

    left = await _within(LEAVES_S, out)
    left_s = loop.time() - began
    away = await airport.who(CALLS, PATH)
    returned = await _within(RETURNS_S, back)
    returned_s = loop.time() - began
    after = await airport.who(CALLS, PATH)
    pod = await airport.pod(STRUCK)
    return [
        Check(f"{STRUCK} left its Service after", f"at most {LEAVES_S:g} s", f"{left_s:.1f} s", left),
        same(f"who answered {CALLS} x GET {PATH} then", {"collector-0": CALLS}, dict(away)),
        Check(f"{STRUCK} was ready again after", f"at most {RETURNS_S:g} s", f"{returned_s:.1f} s", returned),
        at_least(f"restarts of {STRUCK}", 1, pod.restarts - before),
        same(f"pods that answered {CALLS} x GET {PATH} at last", ["collector-0", STRUCK], sorted(after)),
    ]


async def _within(seconds: float, condition: Callable[[], Awaitable[bool]]) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - the world tells nobody
                await asyncio.sleep(0.1)
    except TimeoutError:
        return False
    return True


DEMOS = (Demo("health-checks", "readiness takes a pod out, liveness starts it again", health_checks, KUBELET),)
