"""The operations of the airport demo, written as it writes them, act on one running mesh world in namespace `default`.

Each starts from the same objects. Only times are shortened.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from istio.objects.document import read_files
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.render import render
from k8s.target import Document, MeshOptions
from loadtests.frames import frame_of
from loadtests.schedule import Arrival
from tests.binomial import within

pytestmark = [pytest.mark.xdist_group("thesis"), pytest.mark.asyncio(loop_scope="module")]
DEMOS = Path(__file__).parents[2] / "istio" / "manifests" / "demos"


def demo(name: str, **shorter: str) -> list[Document]:
    """Return the objects of a demo, with times replaced: s10="1s" makes 10s one second."""
    times = {f"{long[1:]}s": short for long, short in shorter.items()}
    return [_shortened(one.data, times) for one in read_files([DEMOS / f"{name}.yaml"])]


def _shortened(value: Any, times: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _shortened(item, times) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, times) for item in value]
    return times.get(value, value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Airport:
    """A world with a way in."""

    world: LocalWorld
    http: aiohttp.ClientSession
    gateway: str

    async def ask(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.http.get(f"http://{self.gateway}{path}", headers=headers) as answer:
            return answer.status, await answer.text()

    async def ask_often(self, path: str, times: int, at_once: int = 1) -> Counter[int]:
        """Return how often each status was the answer."""
        found: Counter[int] = Counter()
        for _ in range(times):
            found.update(status for status, _ in await asyncio.gather(*(self.ask(path) for _ in range(at_once))))
        return found

    async def who(self, times: int) -> Counter[str]:
        """Return which pod of the control panel answered how often."""
        return Counter([(await self.ask("/status"))[1].rpartition(" - ")[2] for _ in range(times)])

    async def send(self, index: int) -> int:
        """Send a frame to a collector by a new connection; returns the status."""
        entry = next(pod.entry for pod in (await self.world.status()).pods if pod.service == "collector")
        frame = frame_of(Arrival(index, 0.0, entry, index, 1), 1)
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"http://{entry}/frame", json=frame.to_json()) as answer,
        ):
            return answer.status

    async def counted(self, name: str) -> int:
        """Add up a counter of all proxies, by the end of its name."""
        return sum(
            value
            for flat in (await self.world.proxy_stats()).values()
            for each, value in flat.items()
            if each.endswith(name)
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Airport]:
    rendered = render("mesh", mesh=MeshOptions(gateway=True), namespace="default")
    world = await LocalTarget(tmp_path_factory.mktemp("thesis")).up("thesis", rendered, attached=True, seed=1)
    try:
        gateway = (await world.status()).gateway
        assert gateway is not None
        async with aiohttp.ClientSession() as http:
            yield Airport(world, http, gateway.http)
    finally:
        await world.down()


@pytest_asyncio.fixture(loop_scope="module")
async def airport(standing: Airport) -> AsyncIterator[Airport]:
    """The world, with the objects that it began with when the test is over."""
    before = await standing.world.get()
    yield standing
    kept = {identity(one) for one in before}
    added = [one for one in await standing.world.get() if identity(one) not in kept]
    if added:
        await standing.world.delete(added)
    await standing.world.apply(before)


def identity(one: Document) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


async def test_cpanel_50_50_gives_each_version_half_of_the_calls(airport: Airport) -> None:
    await airport.world.apply(demo("cpanel-50-50"))
    found = await airport.who(100)
    assert within(found["cpanel-v1-0"], 100, 0.5)
    assert found.keys() == {"cpanel-v1-0", "cpanel-v2-0"}


async def test_cpanel_v2_gives_version_2_all_calls(airport: Airport) -> None:
    await airport.world.apply(demo("cpanel-v2"))
    assert await airport.who(10) == {"cpanel-v2-0": 10}
    assert "<h1>Dashboard V2</h1>" in (await airport.ask("/"))[1]


async def test_admins_see_version_2_and_others_version_1(airport: Airport) -> None:
    await airport.world.apply(demo("cpanel-admin"))
    assert "Dashboard V2" in (await airport.ask("/", user="admin"))[1]
    assert "Dashboard V1" in (await airport.ask("/", user="somebody"))[1]
    assert "Dashboard V1" in (await airport.ask("/"))[1]


async def test_round_robin_gives_every_replica_the_same_number_of_calls(airport: Airport) -> None:
    await airport.world.scale("cpanel-v2", 3)
    await airport.world.apply([*demo("cpanel-v2"), *demo("round_robin")])
    assert set((await airport.who(30)).values()) == {10}


async def test_random_gives_every_replica_some_calls(airport: Airport) -> None:
    await airport.world.scale("cpanel-v2", 3)
    await airport.world.apply([*demo("cpanel-v2"), *demo("random")])
    found = await airport.who(90)
    assert all(within(found[f"cpanel-v2-{number}"], 90, 1 / 3) for number in range(3))


async def test_an_injected_500_reaches_every_frame_and_is_no_call_to_the_image_analysis(airport: Airport) -> None:
    assert await airport.send(1) == 200
    reached = await airport.counted(
        "cluster.outbound|8080|v1|image-analysis.default.svc.cluster.local;.upstream_rq_total"
    )
    await airport.world.apply(demo("fault-injection-500"))
    assert [await airport.send(index) >= 500 for index in range(2, 7)] == [True] * 5
    assert await airport.counted(".fault.aborts_injected") >= 5
    assert reached == await airport.counted(
        "cluster.outbound|8080|v1|image-analysis.default.svc.cluster.local;.upstream_rq_total"
    )


async def test_an_injected_delay_holds_a_frame_back(airport: Airport) -> None:
    await airport.world.apply(demo("fault-injection-delay10", s10="0.4s"))
    began = asyncio.get_running_loop().time()
    assert await airport.send(10) == 200
    assert asyncio.get_running_loop().time() - began >= 0.4
    assert await airport.counted(".fault.delays_injected") >= 1


async def test_half_of_the_calls_to_a_slow_camera_end_with_the_timeout_of_the_gateway(airport: Airport) -> None:
    await airport.world.apply(demo("timeout", s10="2s", s3="0.5s"))
    answers = await asyncio.gather(*(airport.ask("/cameras/1/state") for _ in range(60)))
    late = [answer for answer in answers if answer == (504, "upstream request timeout")]
    assert within(len(late), 60, 0.5)
    assert {status for status, _ in answers} == {200, 504}


async def test_retries_at_the_gateway_make_up_for_failures_behind_it_while_the_fault_stays(airport: Airport) -> None:
    await airport.world.apply(demo("retries-fault"))
    assert within((await airport.ask_often("/sections/1/status", 60))[200], 60, 0.75)
    await airport.world.apply(demo("retries"))
    # 0.25^4 = 0.4 % of the calls fail four times.
    assert (await airport.ask_often("/sections/1/status", 60))[200] >= 58
    retried = "cluster.outbound|8080|v1|cpanel.default.svc.cluster.local;.upstream_rq_retry"
    assert await airport.counted(retried) > 0


async def test_a_circuit_breaker_of_one_connection_refuses_some_of_three_calls_at_once(airport: Airport) -> None:
    await airport.world.apply(demo("circuit-breaker"))
    overflows = "cluster.outbound|8080||collector.default.svc.cluster.local;.upstream_rq_pending_overflow"
    assert await airport.ask_often("/collector/status", 20) == {200: 20}
    assert await airport.counted(overflows) == 0
    found = await airport.ask_often("/collector/status", 30, at_once=3)
    assert found.keys() == {200, 503}
    assert await airport.counted(overflows) == found[503]


async def test_a_collector_that_fails_is_ejected(airport: Airport) -> None:
    await airport.world.scale("collector", 3)
    await airport.world.apply(demo("outlier"))
    [bad] = [pod for pod in (await airport.world.status()).pods if pod.name == "collector-1"]
    async with airport.http.get(f"http://{bad.app}/fault") as answer:
        assert answer.status == 200
    try:
        async with asyncio.timeout(20):
            while not await airport.counted("collector.default.svc.cluster.local;.outlier_detection.ejections_active"):
                await airport.ask_often("/collector/status", 10)
        assert await airport.ask_often("/collector/status", 30) == {200: 30}
    finally:
        async with airport.http.get(f"http://{bad.app}/fault"):
            await airport.world.reset_mesh()


async def test_version_2_gets_a_copy_of_every_call_that_is_mirrored_to_it(airport: Airport) -> None:
    await airport.world.apply(demo("mirror"))
    assert await airport.who(20) == {"cpanel-v1-0": 20}
    mirrored = "cluster.outbound|8080|v2|cpanel.default.svc.cluster.local;.upstream_rq_total"
    before = await airport.counted(mirrored)
    await airport.who(20)
    async with asyncio.timeout(5):
        while await airport.counted(mirrored) < before + 20:  # noqa: ASYNC110 - Envoy tells nobody when it has sent a copy
            await asyncio.sleep(0.05)


async def test_strict_mutual_tls_refuses_a_caller_from_outside_the_mesh(airport: Airport) -> None:
    await airport.world.apply(demo("mtls"))
    with pytest.raises(aiohttp.ClientConnectionError):
        await airport.send(20)
    assert await airport.who(3) == {"cpanel-v1-0": 3}


async def test_only_those_who_are_named_may_call_section_1(airport: Airport) -> None:
    await airport.world.apply(demo("authorization"))
    assert (await airport.ask("/sections/1/status"))[0] == 200
    [section] = [pod for pod in (await airport.world.status()).pods if pod.service == "section-1"]
    async with airport.http.get(f"http://{section.entry}/status") as answer:
        assert (answer.status, await answer.text()) == (403, "RBAC: access denied")
    assert await airport.send(30) == 200
