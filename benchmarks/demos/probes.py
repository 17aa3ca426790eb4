"""Health checks: readiness takes a pod out of its Service, liveness starts it again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.demos.airport import Airport, cluster
from benchmarks.demos.demo import Check, Demo, at_least, same

DEPLOYMENT = "collector"
STRUCK = "collector-1"
CALLS = 30
PATH = "/collector/status"
PATCHES = Path(__file__).parents[2] / "k8s" / "probes"
LEAVES_S, RETURNS_S = 20.0, 60.0
KUBELET = "probes are the kubelet's; no client takes part in them"


async def health_checks(airport: Airport) -> list[Check]:
    """A collector that fails leaves its Service, is killed, and comes back; STRICT mutual TLS is in nobody's way.

    By HTTP and by a program, a process that hangs is noticed. By TCP it is not, as the system goes on accepting its
    connections: there, it is its port that closes, which its sidecar does not hide.
    """
    await airport.apply("mtls")
    checks: list[Check] = []
    try:
        for way, strike in (("HTTP", _hang), ("TCP", _close), ("exec", _hang)):
            await airport.probe(DEPLOYMENT, patch(way.lower()))
            airport.say(f"{DEPLOYMENT} is probed by {way} (k8s/probes/{way.lower()}.yaml)")
            checks += await _noticed(airport, way, strike)
    finally:
        await airport.probe(DEPLOYMENT, {})
        airport.say(f"{DEPLOYMENT} is probed as before")
    return checks


def patch(name: str) -> dict[str, Any]:
    """The probes of a patch under k8s/probes, which `kubectl patch` takes as it is."""
    document = yaml.safe_load((PATCHES / f"{name}.yaml").read_text())
    (container,) = document["spec"]["template"]["spec"]["containers"]
    return {name: probe for name, probe in container.items() if name != "name"}


async def _hang(airport: Airport) -> None:
    await airport.world.freeze((await airport.pod(STRUCK)).name, ttl_s=RETURNS_S)
    airport.say(f"stopped the process of {STRUCK}")


async def _close(airport: Airport) -> None:
    await airport.strike(await airport.pod(STRUCK), "refuse")
    airport.say(f"closed the port of {STRUCK}")


async def _noticed(airport: Airport, way: str, strike: Callable[[Airport], Awaitable[None]]) -> list[Check]:
    """Strike one of two collectors, and see it leave and come back."""
    before = (await airport.pod(STRUCK)).restarts
    await strike(airport)
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
        Check(f"{way}: out of its Service after", f"at most {LEAVES_S:g} s", f"{left_s:.1f} s", left),
        same(f"{way}: who answered {CALLS} calls then", {"collector-0": CALLS}, dict(away)),
        Check(f"{way}: ready again after", f"at most {RETURNS_S:g} s", f"{returned_s:.1f} s", returned),
        at_least(f"{way}: restarts of it", 1, pod.restarts - before),
        same(f"{way}: who answered at last", ["collector-0", STRUCK], sorted(after)),
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
