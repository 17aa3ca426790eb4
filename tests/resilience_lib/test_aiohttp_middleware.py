"""The policies as a middleware of a real aiohttp session, before a server that misbehaves by script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from resilience_lib import BreakerPolicy, EdgePolicy, Flag, LimitsPolicy, RetryPolicy, TimeoutPolicy
from resilience_lib.aiohttp_middleware import CallFailedError, CallTimedOutError, Resilience
from tests.services.runtime.scripted import free_address, serving

TWICE = RetryPolicy(1, "5xx", 1e-4, 1e-4)


@asynccontextmanager
async def session(policy: EdgePolicy, by_host: Any = None) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(middlewares=(Resilience(policy, by_host or {}),)) as made:
        yield made


async def test_a_failed_request_is_sent_again_with_its_body_on_the_same_connection() -> None:
    async with serving(503, 200) as (server, (host, port)), session(EdgePolicy(retry=TWICE)) as http:
        async with http.post(f"http://{host}:{port}/frame", json={"id": 1}) as response:
            assert response.status == 200
            assert await response.json(content_type=None) == {"step": 200}
        assert [body for _, _, body in server.requests] == [b'{"id": 1}'] * 2
        assert server.connections == 1


async def test_an_answer_is_returned_whatever_its_status() -> None:
    async with serving(503) as (server, (host, port)), session(EdgePolicy(retry=TWICE)) as http:
        async with http.get(f"http://{host}:{port}/") as response:
            assert (response.status, await response.read()) == (503, b'{"step": 503}')
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("step", "status", "flag", "cause"),
    [
        ("reset", 503, Flag.CLOSED, aiohttp.ClientError),
        ("garbage", 502, Flag.PROTOCOL, aiohttp.ClientResponseError),
        ("refused", 503, Flag.CONNECT_FAILURE, aiohttp.ClientConnectorError),
    ],
)
async def test_what_is_no_answer_raises_one_error_that_says_to_what_it_came_and_why(
    step: str, status: int, flag: Flag, cause: type[Exception]
) -> None:
    async with serving(step) as (_, address), session(EdgePolicy()) as http:
        host, port = free_address() if step == "refused" else address
        with pytest.raises(CallFailedError) as caught:
            await http.get(f"http://{host}:{port}/")
        assert (caught.value.outcome.status, caught.value.outcome.flag) == (status, flag)
        assert isinstance(caught.value.__cause__, cause)


async def test_aiohttp_does_not_repeat_the_whole_call_on_a_kept_connection_that_is_dead() -> None:
    script = (200, "reset", "reset", 200)
    async with serving(*script) as (server, (host, port)), session(EdgePolicy(retry=TWICE)) as http:
        async with http.get(f"http://{host}:{port}/") as response:
            await response.read()
        with pytest.raises(CallFailedError):
            await http.get(f"http://{host}:{port}/")
        assert len(server.requests) == 3  # one, and two tries


async def test_a_try_and_a_call_have_their_time_limits() -> None:
    policy = EdgePolicy(RetryPolicy(1, "5xx", 1e-4, 1e-4), TimeoutPolicy(0.05, 5.0))
    async with serving("hang") as (server, (host, port)), session(policy) as http:
        with pytest.raises(TimeoutError) as caught:
            await http.get(f"http://{host}:{port}/")
        assert isinstance(caught.value, CallTimedOutError)
        assert len(server.requests) == 2


async def test_each_address_has_its_own_breaker_and_a_refused_call_is_not_sent() -> None:
    policy = EdgePolicy(breaker=BreakerPolicy(1, 60.0))
    async with (
        serving(503) as (bad, (host, first)),
        serving(200) as (_, (_, second)),
        session(policy) as http,
    ):
        (await http.get(f"http://{host}:{first}/")).release()
        with pytest.raises(CallFailedError) as caught:
            await http.get(f"http://{host}:{first}/")
        assert (caught.value.outcome.flag, caught.value.outcome.attempts, len(bad.requests)) == (Flag.OVERFLOW, 0, 1)
        async with http.get(f"http://{host}:{second}/") as response:
            assert response.status == 200


async def test_a_host_may_have_a_policy_of_its_own() -> None:
    async with serving(503, 200) as (server, (host, port)), session(EdgePolicy(retry=TWICE), {host: EdgePolicy()}) as h:
        (await h.get(f"http://{host}:{port}/")).release()
        assert len(server.requests) == 1


async def test_a_cancelled_request_gives_its_slot_back() -> None:
    policy = EdgePolicy(limits=LimitsPolicy(1, 0))
    async with serving("hang", 200) as (server, (host, port)), session(policy) as http:

        async def request() -> None:
            await http.get(f"http://{host}:{port}/")

        task = asyncio.create_task(request())
        await server.arrived.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with http.get(f"http://{host}:{port}/") as response:
            assert response.status == 200
