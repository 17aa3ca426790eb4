"""The transport's own settings: that aiohttp's rounding is off, and that its defaults are otherwise kept."""

import asyncio
import math
from pathlib import Path

import aiohttp
import pytest

from services.runtime import plain
from tests.services.runtime.scripted import led, serving


def test_the_timeouts_are_aiohttps_defaults_without_the_rounding() -> None:
    defaults = aiohttp.client.DEFAULT_TIMEOUT
    assert (plain.TIMEOUT.total, plain.TIMEOUT.sock_connect) == (defaults.total, defaults.sock_connect)
    assert (plain.TIMEOUT.connect, plain.TIMEOUT.sock_read) == (defaults.connect, defaults.sock_read)
    assert plain.TIMEOUT.ceil_threshold == math.inf


async def test_every_request_is_timed_to_the_fraction_of_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Watch the timers that a request sets: with aiohttp's rounding they would fall on whole seconds of the loop."""
    loop = asyncio.get_running_loop()
    timers: list[float] = []
    original = loop.call_at

    def call_at(when: float, *rest: object, **named: object) -> asyncio.TimerHandle:
        timers.append(when)
        return original(when, *rest, **named)  # type: ignore[arg-type] # handed through as it came

    async with serving(200) as (_, address), led(tmp_path, "plain", address) as world:
        monkeypatch.setattr(loop, "call_at", call_at)
        await world.client.get("/a")
        monkeypatch.undo()
        ahead = [when - loop.time() for when in timers]
        assert any(299 < seconds < 300.1 for seconds in ahead)  # total
        assert any(29 < seconds < 30.1 for seconds in ahead)  # sock_connect
        assert all(when != math.ceil(when) for when, seconds in zip(timers, ahead, strict=True) if seconds > 5)


async def test_a_cancelled_call_leaves_no_connection_in_use(tmp_path: Path) -> None:
    async with serving("hang", 200) as (server, address), led(tmp_path, "plain", address, connection_limit=1) as world:
        task = asyncio.create_task(world.client.get("/a"))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await world.client.get("/a")).ok
        assert world.recorded.outcomes == [(200, None)]
