"""Requests counted at servers that close and reset: the generator must not be a layer of resilience."""

import asyncio
import sys

import pytest
from geventhttpclient import client

from loadtests import hidden_retries
from tests.loadtests.servers import Behaviour, closing, resetting, serving

# in a process of its own: Locust replaces the standard library's sockets by gevent's
ONE_GET = """
import sys
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from loadtests import hidden_retries
if sys.argv[2] == "off":
    hidden_retries.switch_off()
session = FastHttpSession(f"http://{sys.argv[1]}", EventHook(), None, concurrency=10, max_retries=0)
assert session.get("/").status_code == 0
"""


async def requests_of_one_get(behaviour: Behaviour, retries: str) -> int:
    async with serving(behaviour) as server:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", ONE_GET, server.entry, retries)
        assert await process.wait() == 0
        return len(server.bodies)


@pytest.mark.parametrize("behaviour", [closing, resetting])
async def test_a_request_that_is_not_answered_is_sent_once(behaviour: Behaviour) -> None:
    assert await requests_of_one_get(behaviour, "off") == 1


@pytest.mark.parametrize("behaviour", [closing, resetting])
async def test_without_the_switch_it_would_be_sent_again(behaviour: Behaviour) -> None:
    assert await requests_of_one_get(behaviour, "on") > 1


def test_a_client_without_the_private_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(client, hidden_retries.PRIVATE_NAME)
    with pytest.raises(hidden_retries.HiddenRetriesError, match="_may_retry_after_send_error is gone"):
        hidden_retries.switch_off()


def test_whether_they_are_off_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, hidden_retries.PRIVATE_NAME, getattr(client, hidden_retries.PRIVATE_NAME))
    assert not hidden_retries.are_off()
    hidden_retries.switch_off()
    assert hidden_retries.are_off()
