"""A caller that waits no longer than it said."""

from __future__ import annotations

import asyncio

from benchmarks.demos.airport import Airport, cluster
from benchmarks.demos.demo import Check, Counterpart, Demo, Run, at_least, by_chance, same

CALLS = 60
LIMIT_S, LATE_S = 3.0, 5.0
SLOW = "/cameras/1/state"
OTHERS = ("/cameras/2/state", "/sections/1/status", "/momentum/status", "/status")


async def _answers(airport: Airport) -> tuple[list[tuple[int, str]], float]:
    began = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(airport.ask(SLOW) for _ in range(CALLS)))
    return list(answers), asyncio.get_running_loop().time() - began


async def _slow(airport: Airport) -> None:
    """Delay half of the calls to camera 1 by ten seconds; a mesh's limit comes with the same file."""
    if airport.meshed:
        await airport.apply("timeout")
    else:
        await airport.fault("camera-agent-1", "delay", delay_ms=10_000, rate=0.5)


async def timeout(airport: Airport) -> list[Check]:
    """Half of the calls are late, and end after three seconds."""
    counter = cluster("upstream_rq_timeout", "cpanel")
    before = await airport.counted(counter)
    await _slow(airport)
    answers, took_s = await _answers(airport)
    late = [text for status, text in answers if status == 504]
    checks = [
        by_chance(f"504 of {CALLS} x GET {SLOW}", 0.5, len(late), CALLS),
        same("every other status", {200}, {status for status, _ in answers} - {504}),
        Check(
            "the last answer came after", f"{LIMIT_S:g} to {LATE_S:g} s", f"{took_s:.1f} s", LIMIT_S <= took_s < LATE_S
        ),
    ]
    if airport.meshed:
        checks += [
            same("what a late caller reads", {"upstream request timeout"}, set(late)),
            same("gateway to v1: upstream_rq_timeout", len(late), await airport.counted(counter) - before),
        ]
    else:
        events = (await airport.client_counters("cpanel", "camera-agent-1"))["outcomes"]
        checks.append(same("client: outcomes 504/UT", len(late), events["504/UT"]))
    return checks


async def health(airport: Airport) -> list[Check]:
    """Only who asks camera 1 waits, and no longer than the limit."""
    await _slow(airport)
    answers = asyncio.create_task(_answers(airport))
    others = [same(f"GET {path} meanwhile", 200, (await airport.ask(path))[0]) for path in OTHERS]
    found, took_s = await answers
    good = sum(status == 200 for status, _ in found)
    return [
        *others,
        at_least(f"answers to GET {SLOW} that are right, of {CALLS}", 1, good),
        Check("nobody waited longer than", f"{LATE_S:g} s", f"{took_s:.1f} s", took_s < LATE_S),
    ]


def _demo(name: str, about: str, run: Run, *more: str) -> Demo:
    deployments = ("cpanel-v1", "camera-agent-1", *more)
    counterpart = Counterpart(run, "library/timeout", deployments=deployments)
    return Demo(name, about, run, counterpart, asks_the_gateway=run is timeout)


DEMOS = (
    _demo("timeout", "half of the calls to camera 1 end after 3 s", timeout),
    _demo("health-timeout", "all others answer meanwhile", health, "camera-agent-2", "section-1", "momentum"),
)
