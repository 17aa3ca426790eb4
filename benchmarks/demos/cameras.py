"""Cameras are switched on and off through the control panel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from benchmarks.demos.airport import Airport
from benchmarks.demos.demo import Check, Counterpart, Demo, at_least, same

FRAMES = 2
"""Each camera sends one a second: so many are waited for."""
PATIENCE_S = 15.0
POLL_S = 0.1
SILENCE_S = 2.0


async def _switch(airport: Airport, toggle: str) -> int:
    airport.say(f"GET /production?toggle={toggle}")
    return (await airport.ask(f"/production?toggle={toggle}"))[0]


async def _state(airport: Airport, camera: int) -> dict[str, object]:
    state: dict[str, object] = json.loads((await airport.ask(f"/cameras/{camera}/state"))[1])
    return state


async def _persons(airport: Airport, section: int) -> int:
    day = "from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&aggregate=count"
    return int(json.loads((await airport.ask(f"/sections/{section}/persons?{day}"))[1])["count"])


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Poll, until it is so or PATIENCE_S are over; what was not reached is seen in the checks."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await condition():  # noqa: ASYNC110 - the application tells nobody
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        return


async def _streaming(airport: Airport) -> bool:
    return all([int(str((await _state(airport, camera))["cycle"])) >= FRAMES for camera in (1, 2)])


async def start(airport: Airport) -> list[Check]:
    """Both cameras send frames, and the sections count persons."""
    before = [await _persons(airport, section) for section in (1, 2)]
    checks = [same("status of the switch", 200, await _switch(airport, "on"))]
    await _until(lambda: _streaming(airport))
    for camera in (1, 2):
        state = await _state(airport, camera)
        checks.append(same(f"camera {camera} is streaming", True, state["streaming"]))
        checks.append(at_least(f"frames that camera {camera} sent", FRAMES, int(str(state["cycle"]))))
    more = [await _persons(airport, section) - then for section, then in zip((1, 2), before, strict=True)]
    return [*checks, at_least("persons that the sections counted", 1, sum(more))]


async def stop(airport: Airport) -> list[Check]:
    """No frame comes any more."""
    await _switch(airport, "on")
    await _until(lambda: _streaming(airport))
    checks = [same("status of the switch", 200, await _switch(airport, "off"))]
    stored = [await _persons(airport, section) for section in (1, 2)]
    await asyncio.sleep(SILENCE_S)
    for camera in (1, 2):
        checks.append(same(f"camera {camera} is streaming", False, (await _state(airport, camera))["streaming"]))
    later = [await _persons(airport, section) for section in (1, 2)]
    return [*checks, same(f"persons that were counted in {SILENCE_S:g} s after it", 0, sum(later) - sum(stored))]


DEMOS = (
    Demo("start-cameras", "both cameras send frames", start, Counterpart(start)),
    Demo("stop-cameras", "no camera sends a frame any more", stop, Counterpart(stop)),
)
