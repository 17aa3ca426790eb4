"""Who may talk to whom: mutual TLS, authorization, and the way out of the mesh."""

from __future__ import annotations

import asyncio
import contextlib

from benchmarks.demos.airport import Airport
from benchmarks.demos.demo import Check, Demo, at_least, same
from benchmarks.demos.stage import SUNNY

TRANSPORT = "identity belongs to the transport; the library has none, and would need certificates of its own"
WAY_OUT = "a client may call whom it likes: there is nobody on its way who would know, or forbid, the name"
CALLS = 10
GONE = 503
"""What a gateway answers for a host that it does not know."""
DRAINED_S = 60.0
"""A replaced listener closes its connections with a chance that grows over Envoy's drain time."""


async def mtls(airport: Airport) -> list[Check]:
    """Who has no certificate of the mesh is let in before STRICT, and refused by it."""
    before = await airport.send()
    await airport.apply("mtls")
    handshakes = await airport.counted(".ssl.handshake")
    admitted = await airport.ask_often("/status", CALLS)
    return [
        same("a frame from outside, without a certificate, before", 200, before),
        same("the same under STRICT (0: no answer)", 0, await airport.send_until(lambda status: status == 0)),
        same(
            f"statuses of {CALLS} x GET /status, by the gateway",
            {200: CALLS},
            dict(admitted),
        ),
        same("GET /collector/status, between two sidecars", 200, (await airport.ask("/collector/status"))[0]),
        at_least("sidecars: ssl.handshake", 1, handshakes),
    ]


async def authorization(airport: Airport) -> list[Check]:
    """Only the control panel may ask section 1; the collector may give to it."""
    await airport.apply("authorization")
    allowed, denied = ".rbac.allowed", ".rbac.denied"
    before = await airport.counted(allowed), await airport.counted(denied)
    asked = (await airport.ask("/sections/1/status"))[0]
    section = await airport.pod("section-1-0")
    async with airport.http.get(f"http://{section.entry}/status") as answer:
        stranger = answer.status, await answer.text()
    given = await airport.send()
    admitted = await _admitted(airport, before[0])
    return [
        same("the control panel asks section 1", 200, asked),
        same("a stranger asks section 1", (403, "RBAC: access denied"), stranger),
        same("the collector gives it a frame's persons", 200, given),
        same("section-1: rbac.denied", 1, await airport.counted(denied) - before[1]),
        at_least("section-1: rbac.allowed", 1, admitted),
    ]


async def _admitted(airport: Airport, before: int) -> int:
    """How many calls the rules let in. Those on a connection from before the rules meet none until Envoy drains it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_S):
            while await airport.counted(".rbac.allowed") == before:
                await airport.ask_often("/sections/1/status", CALLS)
    return await airport.counted(".rbac.allowed") - before


async def egress(airport: Airport) -> list[Check]:
    """A server outside the mesh is known to it by a ServiceEntry, and by nothing else."""
    async with airport.stage.outside() as server:
        airport.say("started a server outside the mesh")
        entry, routes = airport.objects("egress")
        entry["spec"]["endpoints"] = [server.endpoint]
        await airport.put([routes], "istio/manifests/demos/egress.yaml")
        without = (await airport.ask("/weather"))[0]
        await airport.put([entry], "istio/manifests/demos/egress.yaml")
        found = [await airport.ask("/weather") for _ in range(CALLS)]
        counted = await airport.counted("cluster.outbound|80||weather.example;.upstream_rq_200")
        await airport.remove([entry])
        after = await airport.ask_until("/weather", lambda status: status == GONE)
        asked = await server.asked()
    return [
        same("GET /weather without the ServiceEntry", GONE, without),
        same(f"{CALLS} x GET /weather with it", found == [(200, SUNNY)] * CALLS, True),
        same("calls that the server got", CALLS, asked),
        same("gateway to weather.example: upstream_rq_200", CALLS, counted),
        same("GET /weather when it is deleted", GONE, after),
    ]


DEMOS = (
    Demo("mtls", "nobody is let in without a certificate of the mesh", mtls, TRANSPORT),
    Demo("authorization", "only those who are named may call section 1", authorization, TRANSPORT),
)
EGRESS = (Demo("egress", "a server outside the mesh, by a ServiceEntry", egress, WAY_OUT, asks_the_gateway=True),)
