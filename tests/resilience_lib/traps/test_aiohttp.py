"""What aiohttp's client does unasked, and what the transport that every mode shares does in its place."""

from __future__ import annotations

import asyncio
import math
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.services.runtime.scripted import Address, free_address, led, serving


def url(address: Address, path: str = "/a") -> str:
    return f"http://{address[0]}:{address[1]}{path}"


class Resolver(AbstractResolver):
    """Gives every name the addresses of the moment, and counts how often it is asked."""

    def __init__(self, *addresses: Address) -> None:
        self.addresses, self.asked = addresses, 0

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=ip, port=at, family=socket.AF_INET, proto=0, flags=0)
            for ip, at in self.addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def test_an_idempotent_request_is_sent_again_in_silence_and_ours_is_sent_once(tmp_path: Path) -> None:
    async with serving(200, "reset", 200) as (server, address), aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.get(url(address)) as response:
                assert response.status == 200
        assert len(server.requests) == 3  # of two that were asked for
    async with serving(200, "reset", 200) as (server, address), led(tmp_path, "plain", address) as world:
        replies = [await world.client.get("/a") for _ in range(2)]
        assert [reply.flag for reply in replies] == [None, "UC"]
        assert len(server.requests) == 2


async def test_timeouts_of_five_seconds_and_more_are_rounded_up_and_ours_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    timers: list[float] = []
    original = loop.call_at

    def call_at(when: float, *rest: Any, **named: Any) -> asyncio.TimerHandle:
        timers.append(when)
        return original(when, *rest, **named)

    async with serving(200) as (_, address), led(tmp_path, "plain", address) as world:
        monkeypatch.setattr(loop, "call_at", call_at)
        limit = aiohttp.ClientTimeout(total=7.3)
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(url(address)):
            pass
        assert [when for when in timers if when - loop.time() > 7] != []
        assert all(when == math.ceil(when) for when in timers if when - loop.time() > 7)
        timers.clear()
        await world.client.get("/a")
        monkeypatch.undo()
        long = [when for when in timers if when - loop.time() > 5]
        assert long
        assert all(when != math.ceil(when) for when in long)


async def test_a_dead_address_is_passed_over_in_silence_and_ours_says_so(tmp_path: Path) -> None:
    async with serving(200) as (_, alive):
        connector = aiohttp.TCPConnector(resolver=Resolver(free_address(), alive))
        async with aiohttp.ClientSession(connector=connector) as session, session.get("http://callee/") as response:
            assert response.status == 200  # one connection was refused, and nobody is told
        async with led(tmp_path, "plain", free_address(), alive, keepalive_s=0) as world:
            statuses = Counter([(await world.client.get("/a")).status for _ in range(30)])
            assert statuses[503] > 0
            assert statuses[200] > 0


async def test_a_name_is_kept_for_ten_seconds_and_ours_is_asked_for_with_each_connection(tmp_path: Path) -> None:
    async with serving("reset") as (_, first), serving(200) as (new, second):
        resolver = Resolver(first)
        connector = aiohttp.TCPConnector(resolver=resolver, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            for _ in range(2):
                with pytest.raises(aiohttp.ClientError):
                    await session.post("http://callee/")
                resolver.addresses = (second,)
        assert resolver.asked == 1
        assert len(new.requests) == 0
        async with led(tmp_path, "plain", first) as world:
            await world.client.post("/a")
            world.lead_to(second)
            assert (await world.client.post("/a")).ok


async def test_its_pool_lets_any_number_wait_and_our_queue_is_bounded(tmp_path: Path) -> None:
    async with serving("hang") as (server, address):
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            tasks = [asyncio.create_task(session.get(url(address))) for _ in range(50)]
            await server.arrived.wait()
            assert not any(task.done() for task in tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        policy = {"limits": {"connections": 1, "pending": 2}, "timeout": {"overall_s": 0.1}}
        async with led(tmp_path, "library", address, policy=policy) as world:
            replies = await asyncio.gather(*(world.client.get("/a") for _ in range(50)))
            assert Counter(reply.flag for reply in replies) == {"UO": 47, "UT": 3}
