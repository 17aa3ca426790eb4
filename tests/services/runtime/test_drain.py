"""SIGTERM under load: what was accepted is answered, and what was answered is stored."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp

from services.airport.analysis import statistics_of
from tests.services.processes import Process, running
from tests.services.scripted import frame

SLOW = {"id": "slow", "kind": "delay", "delay_ms": 400, "rate": 1, "ttl_s": 30}


class Load:
    """Callers that keep their connections, and leave when the pod is no longer ready, as endpoints make them."""

    def __init__(self, pod: Process) -> None:
        self.pod = pod
        self.acknowledged: set[str] = set()
        self.broken: list[str] = []
        self.ready = True

    async def watch(self, http: aiohttp.ClientSession) -> None:
        """Follow the pod's readiness."""
        while self.ready:
            try:
                async with http.get(f"{self.pod.app}/readyz") as response:
                    self.ready = response.status == 200
            except aiohttp.ClientError:
                self.ready = False
            await asyncio.sleep(0.03)

    async def call(self, http: aiohttp.ClientSession, caller: int) -> None:
        """Post one frame after the other while the pod is ready."""
        for turn in range(10_000):
            if not self.ready:
                return
            message = statistics_of(frame(turn, id=f"{caller}-{turn}")).to_json()
            try:
                async with http.post(f"{self.pod.app}/persons", json=message) as response:
                    await response.read()
                    assert response.status == 201
                    self.acknowledged.add(message["frame"])
            except aiohttp.ClientError as error:
                self.broken.append(repr(error))
            await asyncio.sleep(0.005)


async def test_no_accepted_request_is_lost_when_a_pod_is_told_to_end_under_load(tmp_path: Path) -> None:
    async with running(tmp_path) as pods:
        pod = await pods.start("section", "section-1", SECTION_ID="1")
        load = Load(pod)
        calls = [asyncio.create_task(load.call(pods.http, caller)) for caller in range(8)]
        watch = asyncio.create_task(load.watch(pods.http))
        await asyncio.sleep(0.4)
        assert await pod.end() == 0
        await asyncio.gather(*calls, watch)
        assert load.broken == []
        again = await pods.start("section", "section-1", SECTION_ID="1")
        stored = (await pods.json(f"{again.admin}/stored"))["frames"]
    assert len(load.acknowledged) > 50
    assert set(stored) == load.acknowledged
    assert {one["records"] for one in stored.values()} == {1}


async def test_a_draining_pod_is_not_ready_at_once_finishes_what_it_has_and_closes_kept_connections(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as pods:
        pod = await pods.start("momentum", "momentum")
        async with pods.http.post(f"{pod.admin}/faults", json=SLOW) as response:
            assert response.status == 201
        slow = asyncio.create_task(pods.http.get(f"{pod.app}/status"))
        await asyncio.sleep(0.1)
        ending = asyncio.create_task(pod.end())
        await asyncio.sleep(0.05)
        async with pods.http.get(f"{pod.app}/readyz") as response:
            assert response.status == 503
        answer = await slow
        assert answer.status == 200
        assert answer.headers["connection"] == "close"
        assert await answer.text() == "Momentum v1 : Online"
        assert await ending == 0


async def test_a_request_that_outlasts_the_drain_is_cut_off_and_the_exit_code_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as pods:
        pod = await pods.start("momentum", "momentum", DRAIN_S="0.3", LOG_LEVEL="error")
        async with pods.http.post(f"{pod.admin}/faults", json={**SLOW, "delay_ms": 60_000}):
            slow = asyncio.create_task(pods.http.get(f"{pod.app}/status"))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        assert await pod.end() == 1
        assert time.monotonic() - began < 5
        (result,) = await asyncio.gather(slow, return_exceptions=True)
        assert isinstance(result, aiohttp.ClientError)
