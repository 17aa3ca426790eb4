"""Replicas by the addresses of a headless Service: followed as DNS tells them, and kept while it fails."""

from __future__ import annotations

import asyncio
import socket

import pytest

from services.runtime.discovery import DNS_AGE_S, Address, DnsReplicas

ONE, TWO = ("10.0.0.1", 8080), ("10.0.0.2", 8080)


class Names:
    """A name server: answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: list[Address] | int = [ONE]
        self.asked: list[tuple[str, int]] = []
        self.now = 0.0
        self.gate = asyncio.Event()
        self.gate.set()

    async def lookup(self, name: str, port: int) -> list[Address]:
        self.asked.append((name, port))
        await self.gate.wait()
        if isinstance(self.answer, int):
            raise socket.gaierror(self.answer, "no")
        return self.answer

    async def settled(self) -> None:
        """Let a look-up that goes on beside come to its end."""
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def dns(names: Names) -> DnsReplicas:
    return DnsReplicas("-replicas", names.lookup, lambda: names.now)


async def test_the_headless_service_beside_a_service_is_asked(dns: DnsReplicas, names: Names) -> None:
    names.answer = [TWO, ONE]
    assert await dns.replicas("alerts", 8080) == [ONE, TWO]
    assert names.asked == [("alerts-replicas", 8080)]


async def test_an_answer_is_kept_for_its_age_and_is_the_same_list(dns: DnsReplicas, names: Names) -> None:
    first = await dns.replicas("alerts", 8080)
    names.now = DNS_AGE_S * 0.99
    assert await dns.replicas("alerts", 8080) is first
    names.now = DNS_AGE_S
    assert await dns.replicas("alerts", 8080) is first
    await names.settled()
    assert len(names.asked) == 2
    assert await dns.replicas("alerts", 8080) is first  # the same addresses, so nothing has changed


async def test_a_change_is_followed_and_no_call_waits_for_it(dns: DnsReplicas, names: Names) -> None:
    await dns.replicas("alerts", 8080)
    names.now, names.answer = DNS_AGE_S, [ONE, TWO]
    names.gate.clear()
    assert await dns.replicas("alerts", 8080) == [ONE]
    names.gate.set()
    await names.settled()
    assert await dns.replicas("alerts", 8080) == [ONE, TWO]


async def test_many_calls_at_once_ask_once(dns: DnsReplicas, names: Names) -> None:
    found = await asyncio.gather(*(dns.replicas("alerts", 8080) for _ in range(20)))
    assert found == [[ONE]] * 20
    assert len(names.asked) == 1


async def test_a_service_without_a_ready_pod_has_no_replica(dns: DnsReplicas, names: Names) -> None:
    names.answer = socket.EAI_NONAME
    assert await dns.replicas("alerts", 8080) == []


async def test_who_was_ready_stays_so_while_the_name_server_fails(dns: DnsReplicas, names: Names) -> None:
    known = await dns.replicas("alerts", 8080)
    names.now, names.answer = DNS_AGE_S, socket.EAI_AGAIN
    await dns.replicas("alerts", 8080)
    await names.settled()
    assert await dns.replicas("alerts", 8080) is known


async def test_a_name_server_that_has_never_answered_is_an_error_and_is_asked_again(
    dns: DnsReplicas, names: Names
) -> None:
    names.answer = socket.EAI_AGAIN
    with pytest.raises(OSError, match="DNS does not answer for alerts-replicas"):
        await dns.replicas("alerts", 8080)
    names.now, names.answer = DNS_AGE_S, [ONE]
    assert await dns.replicas("alerts", 8080) == [ONE]


async def test_a_caller_that_gives_up_takes_the_look_up_from_nobody(dns: DnsReplicas, names: Names) -> None:
    names.gate.clear()
    hasty = asyncio.ensure_future(dns.replicas("alerts", 8080))
    patient = asyncio.ensure_future(dns.replicas("alerts", 8080))
    await names.settled()
    hasty.cancel()
    names.gate.set()
    assert await patient == [ONE]
