"""On one mesh world of a real cluster: each kind of object acts, proven by counters; and every demonstration shows."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from benchmarks.binomial import within
from benchmarks.demos import DEMOS
from benchmarks.demos.airport import Airport
from benchmarks.demos.cluster import ClusterStage, mesh, opened, staged
from benchmarks.demos.demo import Demo
from benchmarks.demos.show import entered, on_mesh
from k8s.cluster.api import Api
from k8s.target import Document, Pod
from loadtests.frames import frame_of
from loadtests.schedule import Arrival
from tests.cluster.given import CONTEXT, MISSING
from tests.cluster.listing import listing

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

NAME = "goaround-test-mesh"
GATEWAY = "GOAROUND_TEST_GATEWAY"
"""HOST:PORT of the cluster's ingress gateway, where it cannot be found out."""
FRAMES = 40
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("cluster"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def airport(api: Api) -> AsyncIterator[Airport]:
    """One world for all tests; nothing of it is left in the cluster."""
    before = await asyncio.to_thread(listing, api)
    async with opened(CONTEXT[-1] if CONTEXT else None, os.environ.get(GATEWAY), print) as there:
        world = await there.target.up(NAME, mesh(NAME), attached=True, seed=1)
        try:
            async with staged(there, world) as stage, entered(stage, print) as airport:
                yield airport
        finally:
            await world.down()
    assert await asyncio.to_thread(listing, api) == before


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(airport: Airport) -> Airport:
    """The world in its first state."""
    await airport.reset()
    return airport


def rule(kind: str, service: str, **spec: Any) -> Document:
    """A VirtualService or a DestinationRule of a service."""
    about = {"hosts": [service]} if kind == "VirtualService" else {"host": service}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": service, "namespace": NAME},
        "spec": {**about, **spec},
    }


def routed(service: str, **route: Any) -> Document:
    """A VirtualService with one route."""
    return rule("VirtualService", service, http=[{**route, "route": [{"destination": {"host": service}}]}])


async def collector(airport: Airport) -> Pod:
    """The one collector that the frames of these tests enter at: the counters of one sidecar."""
    return await airport.pod("collector-0")


async def send(airport: Airport, frames: range, at_once: int = 1) -> Counter[int]:
    """Give frames to the collector, and count the statuses."""
    entry, left, found = (await collector(airport)).entry, iter(frames), Counter[int]()

    async def sender() -> None:
        for number in left:
            body = frame_of(Arrival(number, 0.0, entry, number, 1), 1).to_json()
            async with airport.http.post(f"http://{entry}/frame", json=body) as answer:
                found[answer.status] += 1

    await asyncio.gather(*(sender() for _ in range(at_once)))
    return found


async def received(airport: Airport, service: str, caller: str = "collector") -> dict[str, int]:
    """How many attempts have reached each pod of a service, by its own counters."""
    found = {}
    for pod in (await airport.world.status()).pods:
        if pod.service == service:
            async with airport.control.get(f"http://{pod.admin}/counters") as answer:
                found[pod.name] = int((await answer.json())["received"].get(caller, 0))
    return found


async def counted(airport: Airport, name: str, service: str = "image-analysis") -> int:
    """A counter of the collector's sidecar towards a service."""
    flat = (await airport.world.proxy_stats())[(await collector(airport)).name]
    return flat.get(f"cluster.outbound|8080||{service}.{NAME}.svc.cluster.local;.{name}", 0)


async def test_every_pod_has_an_injected_sidecar_and_a_warden_beside_its_application(
    airport: Airport, api: Api
) -> None:
    pods = (await asyncio.to_thread(api.get, f"/api/v1/namespaces/{NAME}/pods", labelSelector="project=airport"))[
        "items"
    ]
    assert len(pods) == 15
    for pod in pods:
        status = pod["status"]
        statuses = [*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())]
        ready = {one["name"] for one in statuses if one["ready"] and "running" in one["state"]}
        assert ready == {"app", "warden", "istio-proxy"}


async def test_retries_are_counted_by_the_callers_sidecar_and_arrive_at_the_callee(fresh: Airport) -> None:
    await fresh.put([routed("image-analysis", retries={"attempts": 3, "retryOn": "5xx"})], "this test")
    await fresh.fault("image-analysis", "abort", status=503, rate=0.3)
    before = await received(fresh, "image-analysis"), await counted(fresh, "upstream_rq_retry")
    found = await send(fresh, range(1000, 1000 + FRAMES))
    after = await received(fresh, "image-analysis"), await counted(fresh, "upstream_rq_retry")
    retries = after[1] - before[1]
    assert retries > 0
    assert sum(after[0].values()) - sum(before[0].values()) == FRAMES + retries
    # four tries fail in 0.8 % of the frames
    assert within(found[200], FRAMES, 1 - 0.3**4)


async def test_a_bad_replica_is_ejected_once_and_gets_nothing_more(fresh: Airport) -> None:
    detection = {"consecutive5xxErrors": 3, "interval": "1s", "baseEjectionTime": "120s", "maxEjectionPercent": 50}
    await fresh.put(
        [
            routed("image-analysis", retries={"attempts": 0}),
            rule("DestinationRule", "image-analysis", trafficPolicy={"outlierDetection": detection}),
        ],
        "this test",
    )
    bad = await fresh.pod("image-analysis-1")
    await fresh.strike(bad, "abort", status=500, rate=1.0)
    enforced = "outlier_detection.ejections_enforced_total"
    before, sent = await counted(fresh, enforced), 2000
    while await counted(fresh, enforced) == before and sent < 2400:
        await send(fresh, range(sent, sent + 10))
        sent += 10
    assert await counted(fresh, enforced) - before == 1
    assert await counted(fresh, "outlier_detection.ejections_active") == 1
    arrived = await received(fresh, "image-analysis")
    assert await send(fresh, range(2500, 2500 + FRAMES)) == {200: FRAMES}
    later = await received(fresh, "image-analysis")
    assert later[bad.name] == arrived[bad.name]
    assert sum(later.values()) - sum(arrived.values()) == FRAMES


async def test_a_full_connection_pool_overflows_once_for_each_frame_that_is_refused(fresh: Airport) -> None:
    narrow = {"connectionPool": {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1}}}
    await fresh.put(
        [
            routed("image-analysis", retries={"attempts": 0}),
            rule("DestinationRule", "image-analysis", trafficPolicy=narrow),
        ],
        "this test",
    )
    await fresh.fault("image-analysis", "delay", delay_ms=100, rate=1.0)
    before = await received(fresh, "image-analysis"), await counted(fresh, "upstream_rq_pending_overflow")
    found = await send(fresh, range(3000, 3000 + FRAMES), at_once=8)
    after = await received(fresh, "image-analysis"), await counted(fresh, "upstream_rq_pending_overflow")
    overflows = after[1] - before[1]
    assert overflows > 0
    assert found == {200: FRAMES - overflows, 503: overflows}
    assert sum(after[0].values()) - sum(before[0].values()) == FRAMES - overflows


async def test_a_route_fault_is_counted_by_the_callers_sidecar_and_reaches_nobody(fresh: Airport) -> None:
    abort = {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}
    await fresh.put([routed("image-analysis", fault=abort)], "this test")
    injected = ".fault.aborts_injected"
    before = await received(fresh, "image-analysis"), await fresh.counted(injected, "collector-0")
    found = await send(fresh, range(4000, 4000 + FRAMES))
    assert found[200] == 0
    assert await fresh.counted(injected, "collector-0") - before[1] == FRAMES
    assert await received(fresh, "image-analysis") == before[0]


async def test_weights_divide_what_enters_at_the_gateway_proven_by_the_counters_of_the_pods(fresh: Airport) -> None:
    calls, share = 400, 0.3
    route = {"host": f"cpanel.{NAME}.svc.cluster.local", "port": {"number": 8080}}
    split = [
        {"destination": {**route, "subset": "v1"}, "weight": 70},
        {"destination": {**route, "subset": "v2"}, "weight": 30},
    ]
    [first] = [one for one in fresh.beginning.istio if (one["kind"], one["metadata"]["name"]) == ROUTES]
    await fresh.put([{**first, "spec": {**first["spec"], "http": [{"route": split}]}}], "this test")
    versions = {pod.name: pod.version for pod in (await fresh.world.status()).pods if pod.service == "cpanel"}
    before = await received(fresh, "cpanel", "unknown")
    assert await fresh.ask_often("/status", calls, at_once=4) == {200: calls}
    after = await received(fresh, "cpanel", "unknown")
    arrived = {versions[pod]: after[pod] - before[pod] for pod in after}
    assert arrived["v1"] + arrived["v2"] == calls
    deviation = (calls * share * (1 - share)) ** 0.5
    assert abs(arrived["v2"] - share * calls) <= 5 * deviation


ROUTES = ("VirtualService", "cpanel")


@pytest.mark.parametrize("demo", DEMOS.values(), ids=lambda demo: demo.name)
async def test_the_demonstration_shows(demo: Demo, airport: Airport) -> None:
    assert isinstance(airport.stage, ClusterStage)
    if why := airport.stage.lacks(demo):
        pytest.skip(f"{demo.name} cannot be shown on this cluster: {why}")
    checks = await on_mesh(demo, airport)
    assert checks
    assert [check for check in checks if not check.shown] == []
