"""The running Envoy: every policy acts, and updates cost nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from istio.admin import Discovery, Unreachable
from istio.discovery import DiscoveryServer
from istio.sidecar import Rejected, Sidecar, SidecarPorts
from tests.istio.running import PODS, Mesh, eventually, process, running_mesh
from tests.istio.world import COLLECTOR, compiled, destination_rule, virtual_service

EJECTING = "consecutive5xxErrors: 2, interval: 100ms, maxEjectionPercent: 50"
FOR_LONG = destination_rule(
    "image-analysis", f"trafficPolicy: {{outlierDetection: {{{EJECTING}, baseEjectionTime: 300s}}}}"
)
NO_RETRIES = virtual_service(
    "image-analysis", "{retries: {attempts: 0}, route: [{destination: {host: image-analysis}}]}"
)
BAD = "image-analysis-1"


def route(host: str, rest: str) -> str:
    return virtual_service(host, f"{{{rest}, route: [{{destination: {{host: {host}}}}}]}}")


def teapot(host: str) -> str:
    return route(host, "fault: {abort: {httpStatus: 418, percentage: {value: 100}}}")


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    async with running_mesh(tmp_path) as running:
        yield running


async def until_ejected(mesh: Mesh) -> None:
    mesh.upstreams[BAD].status = 503

    async def ejected() -> bool:
        await mesh.get("image-analysis")
        return (await mesh.edge("image-analysis")).active_ejections == 1

    await eventually(ejected)


async def reaches(mesh: Mesh, pod: str) -> None:
    """Call until this pod has answered once more."""
    before = mesh.upstreams[pod].received

    async def reached() -> bool:
        await mesh.get("image-analysis")
        return mesh.upstreams[pod].received > before

    await eventually(reached)


async def test_both_directions_reach_the_application_behind_them(mesh: Mesh) -> None:
    assert await mesh.get("alerts") == (200, "alerts")
    assert await mesh.get("anything", mesh.ports.inbound[8080]) == (200, "anything")
    assert mesh.upstreams["alerts-0"].received == 1
    assert mesh.upstreams["collector-0"].received == 1


async def test_default_retries_act_on_a_refused_connection(mesh: Mesh) -> None:
    # Port 1 of this machine refuses connections.
    await mesh.sidecar.publish(compiled(), {**mesh.addresses, ("10.0.2.2", 8080): ("127.0.0.1", 1)})
    answers = [await mesh.get("image-analysis") for _ in range(20)]
    assert {status for status, _ in answers} == {200}
    edge = await mesh.edge("image-analysis")
    assert edge.retries == edge.connect_failures > 0


async def test_default_retries_do_not_act_on_a_503(mesh: Mesh) -> None:
    mesh.upstreams["alerts-0"].status = 503
    assert (await mesh.get("alerts"))[0] == 503
    assert mesh.upstreams["alerts-0"].received == 1
    assert (await mesh.edge("alerts")).retries == 0


async def test_retry_on_acts_up_to_its_attempts(mesh: Mesh) -> None:
    await mesh.apply(route("alerts", "retries: {attempts: 3, backoff: 1ms, retryOn: '503'}"))
    mesh.upstreams["alerts-0"].script = [503, 503, 503]
    assert (await mesh.get("alerts"))[0] == 200
    mesh.upstreams["alerts-0"].status = 503
    assert (await mesh.get("alerts"))[0] == 503
    assert mesh.upstreams["alerts-0"].received == 4 + 4
    edge = await mesh.edge("alerts")
    assert (edge.retries, edge.retry_success) == (6, 1)


async def test_a_try_that_takes_too_long_is_given_up_and_tried_again(mesh: Mesh) -> None:
    await mesh.apply(route("alerts", "retries: {attempts: 1, perTryTimeout: 100ms, retryOn: gateway-error}"))
    mesh.upstreams["alerts-0"].held = 1
    assert (await mesh.get("alerts"))[0] == 200
    edge = await mesh.edge("alerts")
    assert (edge.per_try_timeouts, edge.timeouts, edge.retries) == (1, 0, 1)


async def test_the_route_timeout_ends_a_call_and_is_never_retried(mesh: Mesh) -> None:
    await mesh.apply(route("alerts", "timeout: 100ms, retries: {attempts: 3, retryOn: 5xx}"))
    mesh.upstreams["alerts-0"].held = 4
    assert await mesh.get("alerts") == (504, "upstream request timeout")
    edge = await mesh.edge("alerts")
    assert (edge.timeouts, mesh.upstreams["alerts-0"].received) == (1, 1)


async def test_weights_share_requests_between_subsets(mesh: Mesh) -> None:
    destinations = ", ".join(
        f"{{destination: {{host: cpanel, subset: {subset}}}, weight: {weight}}}"
        for subset, weight in (("v1", 3), ("v2", 1))
    )
    subsets = "subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]"
    await mesh.apply(destination_rule("cpanel", subsets) + virtual_service("cpanel", f"{{route: [{destinations}]}}"))
    for _ in range(300):
        await mesh.get("cpanel")
    # 225 are expected; 5 standard deviations of a binomial are 38.
    assert mesh.received("cpanel-v1") == pytest.approx(225, abs=38)
    assert mesh.received("cpanel-v1") + mesh.received("cpanel-v2") == 300


async def test_an_injected_abort_is_not_retried(mesh: Mesh) -> None:
    fault = "fault: {abort: {httpStatus: 503, percentage: {value: 100}}}"
    await mesh.apply(route("alerts", f"{fault}, retries: {{attempts: 3, retryOn: '5xx,503'}}"))
    assert await mesh.get("alerts") == (503, "fault filter abort")
    assert mesh.upstreams["alerts-0"].received == 0
    assert (await mesh.edge("alerts")).retries == 0


async def test_one_of_three_is_ejected_and_called_no_more(mesh: Mesh) -> None:
    await mesh.apply(FOR_LONG + NO_RETRIES)
    await until_ejected(mesh)
    before = mesh.upstreams[BAD].received
    assert {(await mesh.get("image-analysis"))[0] for _ in range(20)} == {200}
    assert mesh.upstreams[BAD].received == before
    assert (await mesh.edge("image-analysis")).ejections == 1


async def test_an_ejected_host_returns_after_its_time(mesh: Mesh) -> None:
    await mesh.apply(FOR_LONG.replace("300s", "100ms") + NO_RETRIES)
    await until_ejected(mesh)
    mesh.upstreams[BAD].status = 200
    await reaches(mesh, BAD)
    edge = await mesh.edge("image-analysis")
    assert (edge.active_ejections, edge.ejections) == (0, 1)


async def test_ten_percent_of_three_hosts_ejects_nobody(mesh: Mesh) -> None:
    await mesh.apply(FOR_LONG.replace("maxEjectionPercent: 50, ", "") + NO_RETRIES)
    mesh.upstreams[BAD].status = 503
    name = "cluster.outbound|8080||image-analysis.airport.svc.cluster.local;.outlier_detection.ejections_overflow"

    async def wanted_to() -> bool:
        await mesh.get("image-analysis")
        return (await mesh.sidecar.stats()).get(name, 0) > 0

    await eventually(wanted_to)
    assert (await mesh.edge("image-analysis")).ejections == 0


async def test_what_is_too_much_at_once_is_refused(mesh: Mesh) -> None:
    pool = "connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}"
    await mesh.apply(destination_rule("alerts", f"trafficPolicy: {{{pool}}}"))
    upstream = mesh.upstreams["alerts-0"]
    upstream.held = 1

    async def taken() -> bool:
        return upstream.received == 1

    async def refused() -> bool:
        return (await mesh.edge("alerts")).overflows == 4

    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(mesh.get("alerts"))]
        # Until its connection stands, the first request would be counted as the one that may wait.
        await eventually(taken)
        calls += [group.create_task(mesh.get("alerts")) for _ in range(5)]
        await eventually(refused)
        upstream.gate.set()
    answers = [call.result() for call in calls]
    assert sorted(status for status, _ in answers) == [200, 200, 503, 503, 503, 503]
    assert all("overflow" in body for status, body in answers if status == 503)


async def test_live_updates_cost_no_request(mesh: Mesh) -> None:
    subsets = destination_rule(
        "cpanel", "subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]"
    )
    split = virtual_service("cpanel", "{route: [{destination: {host: cpanel, subset: v2}}]}")
    statuses: list[int] = []
    done = asyncio.Event()

    async def call() -> None:
        while not done.is_set():
            statuses.append((await mesh.get("cpanel"))[0])

    callers = [asyncio.create_task(call()) for _ in range(2)]
    for turn in range(20):
        await mesh.apply((subsets + split, subsets, "", FOR_LONG)[turn % 4])
    done.set()
    await asyncio.gather(*callers)
    assert len(statuses) > 20
    assert set(statuses) == {200}


async def test_publishing_the_same_again_keeps_an_ejection_and_reset_clears_it(mesh: Mesh) -> None:
    await mesh.apply(FOR_LONG + NO_RETRIES)
    await until_ejected(mesh)
    mesh.upstreams[BAD].status = 200
    await mesh.apply(FOR_LONG + NO_RETRIES)
    assert (await mesh.edge("image-analysis")).active_ejections == 1
    await mesh.sidecar.reset()
    assert (await mesh.edge("image-analysis")).active_ejections == 0
    await reaches(mesh, BAD)


async def test_a_rule_deleted_and_applied_again_clears_an_ejection(mesh: Mesh) -> None:
    await mesh.apply(FOR_LONG + NO_RETRIES)
    await until_ejected(mesh)
    mesh.upstreams[BAD].status = 200
    await mesh.apply(NO_RETRIES)
    await mesh.apply(FOR_LONG + NO_RETRIES)
    assert (await mesh.edge("image-analysis")).active_ejections == 0
    await reaches(mesh, BAD)


async def test_what_envoy_refuses_is_told_in_its_words_and_the_next_update_works(mesh: Mesh) -> None:
    good = compiled()
    name = "outbound|8080||alerts.airport.svc.cluster.local"
    broken = replace(good, clusters={**good.clusters, name: {**good.clusters[name], "connect_timeout": "-1s"}})
    with pytest.raises(Rejected, match="rejected: Invalid duration"):
        await mesh.sidecar.publish(broken, mesh.addresses)
    await mesh.apply(teapot("alerts"))
    assert (await mesh.get("alerts"))[0] == 418


async def test_without_an_envoy_publishing_says_so_and_the_next_envoy_starts_with_it(tmp_path: Path) -> None:
    async with running_mesh(tmp_path, start=False) as mesh:
        command = mesh.sidecar.prepare(compiled(), mesh.addresses)
        assert not await mesh.sidecar.ready()
        with pytest.raises(Unreachable, match="no Envoy answers"):
            await mesh.apply(teapot("alerts"))
        with process(command):
            await eventually(mesh.sidecar.ready)
            assert (await mesh.get("alerts"))[0] == 418


@pytest.mark.parametrize("answers", [0, 1])
async def test_an_envoy_that_stands_still_is_told_all_of_it_when_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: int
) -> None:
    left = iter([Discovery({}, 0, 0)] * answers)

    async def discovery(_: object) -> Discovery:
        if found := next(left, None):
            return found
        raise Unreachable("no Envoy answers")

    monkeypatch.setattr("istio.sidecar.Admin.discovery", discovery)
    server = DiscoveryServer(tmp_path / "never-opened")
    sidecar = Sidecar(tmp_path, COLLECTOR, SidecarPorts(1, {8080: 2}, {8080: 3}, {8080: 4}), server)
    places = {(ip, 8080): ("127.0.0.1", 5) for ip in PODS}
    sidecar.prepare(compiled(), places)
    resources = server.resources("collector-0.airport")
    known = json.loads(await resources.newer("routes", "8080", "", refusal=False))["version_info"]
    asked = asyncio.create_task(resources.newer("routes", "8080", known, refusal=False))
    await asyncio.wait([asked], timeout=0)
    with pytest.raises(Unreachable):
        await sidecar.publish(compiled(teapot("alerts")), places)
    async with asyncio.timeout(10):
        assert "418" in await asked


async def test_reset_before_prepare_is_an_error(tmp_path: Path) -> None:
    async with running_mesh(tmp_path / "one", start=False) as mesh:
        fresh = type(mesh.sidecar)(tmp_path / "two", mesh.sidecar._proxy, mesh.ports, mesh.sidecar._server)
        with pytest.raises(RuntimeError, match="after prepare"):
            await fresh.reset()


@pytest.mark.parametrize(("resolution", "endpoint"), [("STATIC", "127.0.0.1"), ("DNS", "localhost")])
async def test_a_service_outside_is_reached_by_its_name(tmp_path: Path, resolution: str, endpoint: str) -> None:
    async with running_mesh(tmp_path) as mesh:
        _, port = mesh.addresses["10.0.5.1", 8080]
        await mesh.apply(f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: outside, namespace: airport}}
spec:
  hosts: [outside.example.com]
  ports: [{{number: 8080, name: http, protocol: HTTP}}]
  resolution: {resolution}
  endpoints: [{{address: {endpoint}, ports: {{http: {port}}}}}]
""")
        assert await mesh.get("outside.example.com") == (200, "outside.example.com")
        assert mesh.upstreams["alerts-0"].received == 1
        await mesh.apply("")
        assert mesh.upstreams["alerts-0"].received == 1


async def test_a_service_outside_has_ports_of_its_own_and_only_http_is_listened_for(tmp_path: Path) -> None:
    async with running_mesh(tmp_path, service_ports=(8080, 80, 443)) as mesh:
        _, port = mesh.addresses["10.0.5.1", 8080]
        await mesh.apply(f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: outside, namespace: airport}}
spec:
  hosts: [outside.example.com]
  ports:
  - {{number: 80, name: http, protocol: HTTP, targetPort: {port}}}
  - {{number: 443, name: tls, protocol: TLS, targetPort: {port}}}
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1}}]
""")
        assert await mesh.get("outside.example.com", mesh.ports.outbound[80]) == (200, "outside.example.com")
        assert await mesh.get("alerts") == (200, "alerts")
        with pytest.raises(aiohttp.ClientConnectorError):
            await mesh.get("outside.example.com", mesh.ports.outbound[443])
