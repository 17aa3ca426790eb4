"""Replicas, and which of them gets the next call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from benchmarks.binomial import within
from benchmarks.demos.airport import Airport, cluster
from benchmarks.demos.demo import Check, Counterpart, Demo, by_chance, same

THREE = {"cpanel-v2": 3}
CALLS = 90
SLOW_MS = 300
AT_ONCE = 6
MANY = 450
PLATFORM = "the platform adds replicas; a client that asks for the name meets them (docs/fairness.md), without a policy"


async def scale_to_3(airport: Airport) -> list[Check]:
    """Three replicas get calls."""
    await airport.apply("cpanel-v2")
    await airport.scale(THREE)
    found = await airport.who(CALLS)
    healthy = await airport.counted(cluster("membership_healthy", "cpanel", "v2"), "istio-ingressgateway-0")
    return [
        same("ready pods of cpanel-v2", 3, len(await airport.ready("cpanel-v2"))),
        same("gateway to v2: membership_healthy", 3, healthy),
        same(f"pods that answered {CALLS} x GET /status", [f"cpanel-v2-{n}" for n in range(3)], sorted(found)),
    ]


async def scale_to_1(airport: Airport) -> list[Check]:
    """Two replicas go, and no call is lost while they do."""
    await airport.apply("cpanel-v2")
    leaving = asyncio.create_task(airport.scale({}))
    during = await airport.who(1)
    while not leaving.done():
        during += await airport.who(1)
    await leaving
    lost = {status: n for status, n in during.items() if not status.startswith("cpanel-v2-")}
    return [
        same(f"answers that were no 200, of {sum(during.values())} during it", {}, lost),
        same("ready pods of cpanel-v2", ["cpanel-v2-0"], await airport.ready("cpanel-v2")),
        same("who answered 10 x GET /status after it", {"cpanel-v2-0": 10}, dict(await airport.who(10))),
    ]


@dataclass(frozen=True, slots=True)
class Replicas:
    """Three pods that are asked on `path`: `objects` are applied before the balancer's, in a mesh."""

    path: str
    pods: tuple[str, str, str]
    objects: tuple[str, ...]

    async def apply(self, airport: Airport, balancer: str) -> None:
        """Apply the balancer, where it is not part of the deployment."""
        if airport.meshed:
            await airport.apply(*self.objects, balancer)

    async def in_turn(self, airport: Airport) -> list[Check]:
        """Each has the same number of calls."""
        await self.apply(airport, "round_robin")
        found = await airport.who(CALLS, self.path)
        return [same(f"who answered {CALLS} x GET {self.path}", dict.fromkeys(self.pods, CALLS // 3), _sorted(found))]

    async def at_random(self, airport: Airport) -> list[Check]:
        """Each has about a third, and no turn is kept."""
        await self.apply(airport, "random")
        found = await airport.who(CALLS, self.path)
        return [by_chance(f"answers of {pod}", 1 / 3, found[pod], CALLS) for pod in self.pods]

    async def less_busy(self, airport: Airport) -> list[Check]:
        """Who is slow is busy, and gets fewer."""
        await self.apply(airport, "least-request")
        slow = self.pods[0]
        await airport.strike(await airport.pod(slow), "delay", delay_ms=SLOW_MS, rate=1.0)
        airport.say(f"injected delay {SLOW_MS} ms into {slow}; {AT_ONCE} calls at once")
        found = await airport.who(MANY, self.path, at_once=AT_ONCE)
        share = found[slow]
        fewer = share < MANY / 3 and not within(share, MANY, 1 / 3)
        return [
            same("answers that were 200", MANY, sum(found[pod] for pod in self.pods)),
            Check(f"answers of {slow}", f"far below {MANY // 3} of {MANY}", f"{share} of {MANY}", fewer),
        ]


def _sorted(found: dict[str, int]) -> dict[str, int]:
    return dict(sorted(found.items()))


MESH = Replicas("/status", ("cpanel-v2-0", "cpanel-v2-1", "cpanel-v2-2"), ("cpanel-v2",))
LIBRARY = Replicas("/collector/status", ("collector-0", "collector-1", "collector-2"), ())


def _counterpart(name: str) -> Counterpart:
    runs = {"round_robin": LIBRARY.in_turn, "random": LIBRARY.at_random, "least-request": LIBRARY.less_busy}
    return Counterpart(runs[name], f"library/{name}", "library-endpoints", ("cpanel-v1", "collector"), {"collector": 3})


DEMOS = (
    Demo("scale_v2_x3", "version 2 has three replicas", scale_to_3, PLATFORM, asks_the_gateway=True),
    Demo("round_robin", "the replicas take turns", MESH.in_turn, _counterpart("round_robin"), THREE),
    Demo("random", "any replica may be next", MESH.at_random, _counterpart("random"), THREE),
    Demo("least-request", "a busy replica gets fewer calls", MESH.less_busy, _counterpart("least-request"), THREE),
    Demo("scale_v2_x1", "version 2 has one replica again", scale_to_1, PLATFORM, THREE),
)
