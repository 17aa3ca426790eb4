"""Faults on purpose: an error and a delay on the way to the image analysis."""

from __future__ import annotations

import asyncio

from benchmarks.demos.airport import Airport, cluster
from benchmarks.demos.demo import Check, Counterpart, Demo, at_least, same

FRAMES = 5
DELAY_S = 10.0


async def abort(airport: Airport) -> list[Check]:
    """No frame is analysed, and every sender is told."""
    first = await airport.send()
    reached, injected = cluster("upstream_rq_total", "image-analysis"), ".fault.aborts_injected"
    if airport.meshed:
        await airport.apply("fault-injection-500")
        before = await airport.counted(reached), await airport.counted(injected)
    else:
        await airport.fault("image-analysis", "abort", status=500, rate=1.0)
    sent = [await airport.send() for _ in range(FRAMES)]
    checks = [
        same("status of a frame before", 200, first),
        same(f"frames of {FRAMES} that were refused (5xx)", FRAMES, sum(status >= 500 for status in sent)),
    ]
    if airport.meshed:
        checks += [
            same("sidecars: fault.aborts_injected", FRAMES, await airport.counted(injected) - before[1]),
            same("collectors to image-analysis: upstream_rq_total", 0, await airport.counted(reached) - before[0]),
        ]
    else:
        outcomes = (await airport.client_counters("collector", "image-analysis"))["outcomes"]
        failed = sum(n for outcome, n in outcomes.items() if outcome.startswith("500/"))
        checks.append(same("collectors' clients: outcomes 500", FRAMES, failed))
    return checks


async def delay(airport: Airport) -> list[Check]:
    """A frame waits as long as the analysis, because nothing here limits the time."""
    injected = ".fault.delays_injected"
    if airport.meshed:
        await airport.apply("fault-injection-delay10")
        before = await airport.counted(injected)
    else:
        await airport.fault("image-analysis", "delay", delay_ms=DELAY_S * 1000, rate=1.0)
    began = asyncio.get_running_loop().time()
    status = await airport.send()
    took_s = asyncio.get_running_loop().time() - began
    checks = [same("status of a frame", 200, status), at_least("it took", DELAY_S, took_s, " s")]
    if airport.meshed:
        checks.append(same("sidecars: fault.delays_injected", 1, await airport.counted(injected) - before))
    return checks


DEMOS = (
    Demo(
        "fault-injection-500",
        "every call to the image analysis is answered 500",
        abort,
        Counterpart(abort, "library/none"),
    ),
    Demo(
        "fault-injection-delay10",
        "every call to the image analysis waits 10 s",
        delay,
        Counterpart(delay, "library/none"),
    ),
)
