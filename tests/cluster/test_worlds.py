"""One world after the other in a real cluster: injected or not, acting on Istio's objects, and gone without a trace."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from k8s.cluster.api import Api, ApiError
from k8s.cluster.doctor import Found, examine
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld
from k8s.render import render
from k8s.target import MeshOptions, TargetError
from services.airport.messages import Frame
from tests.cluster.given import MISSING
from tests.cluster.listing import listing
from tests.services.scripted import frame

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

NAME = "goaround-test"
MESH = MeshOptions(gateway=True)
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("cluster")]


@dataclass
class Running:
    """A world, and the cluster as it was before it."""

    api: Api
    world: ClusterWorld
    before: set[str]

    def send(self, one: Frame) -> tuple[int, str]:
        """Give a frame to a collector, through the API server; status and body."""
        path = f"/api/v1/namespaces/{NAME}/services/http:collector:8080/proxy/frame"
        try:
            return 200, json.dumps(self.api.post(path, one.to_json()))
        except ApiError as error:
            return error.status, str(error)

    def get(self, service: str, path: str) -> dict[str, Any]:
        return self.api.get(f"/api/v1/namespaces/{NAME}/services/http:{service}:8080/proxy/{path}")

    def counter(self, service: str, pattern: str) -> int:
        """An Envoy counter of all sidecars of a service, from their own metrics."""
        total = 0
        for pod in asyncio.run(self.world.status()).pods:
            if pod.service == service:
                text = self.api.text(f"/api/v1/namespaces/{NAME}/pods/{pod.name}:15090/proxy/stats/prometheus")
                total += sum(int(found) for found in re.findall(rf"^{pattern} (\d+)$", text, re.MULTILINE))
        return total


@pytest.fixture(scope="module")
def running(api: Api, request: pytest.FixtureRequest) -> Iterator[Running]:
    """A world of the mode that a test asks for; one at a time, since the one before ends when another is asked for."""
    before = listing(api)
    rendered = render(request.param, "matched", mesh=MESH)
    world = asyncio.run(ClusterTarget(api, say=print).up(NAME, rendered, attached=False, seed=1))
    yield Running(api, world, before)
    asyncio.run(world.down())
    assert listing(api) == before


LIBRARY = pytest.mark.parametrize("running", ["library"], indirect=True)
ENDPOINTS = pytest.mark.parametrize("running", ["library-endpoints"], indirect=True)
IN_THE_MESH = pytest.mark.parametrize("running", ["mesh"], indirect=True)


def until(what: Callable[[], bool], times: int = 60) -> bool:
    """Ask until it is so: a rule reaches the sidecars a while after the cluster has accepted it."""
    return any(what() for _ in range(times))


def test_the_doctor_finds_nothing_missing(api: Api) -> None:
    bad = [one for one in examine(api, NAME, render("mesh", mesh=MESH)) if one.found is Found.BAD]
    assert not bad


@LIBRARY
def test_no_pod_of_the_library_has_a_sidecar_and_frames_are_stored(running: Running) -> None:
    status = asyncio.run(running.world.status())
    assert status.ready
    assert not any(pod.proxy_usage for pod in status.pods)
    assert [running.send(frame(seed, section=1))[0] for seed in range(5)] == [200] * 5


@LIBRARY
def test_the_library_reads_its_policies_there(running: Running) -> None:
    [config] = [
        one
        for one in running.api.get(f"/api/v1/namespaces/{NAME}/configmaps")["items"]
        if one["metadata"]["name"] == "policies"
    ]
    assert json.loads(config["data"]["policies.json"])["image-analysis"]["retry"]["attempts"] == 2


@LIBRARY
def test_replicas_are_scaled_there(running: Running) -> None:
    for replicas in (2, 3):
        asyncio.run(running.world.scale("image-analysis", replicas))
        pods = asyncio.run(running.world.status()).pods
        assert sum(pod.service == "image-analysis" for pod in pods) == replicas


@LIBRARY
def test_a_second_world_of_that_name_is_refused(running: Running) -> None:
    with pytest.raises(TargetError, match="runs already"):
        asyncio.run(ClusterTarget(running.api).up(NAME, render("none"), attached=False, seed=1))


@LIBRARY
def test_the_logs_of_a_pod_can_be_read(running: Running) -> None:
    pod = asyncio.run(running.world.status()).pods[0]
    assert isinstance(asyncio.run(running.world.log(pod.name)), str)


@ENDPOINTS
def test_a_client_that_sees_replicas_calls_each_of_them(running: Running) -> None:
    assert [running.send(frame(seed, section=1))[0] for seed in range(60)] == [200] * 60
    received = []
    for pod in asyncio.run(running.world.status()).pods:
        if pod.service == "image-analysis":
            text = running.api.text(f"/api/v1/namespaces/{NAME}/pods/{pod.name}:9090/proxy/metrics")
            counts = re.findall(r'^istio_requests_total\{.*reporter="destination".*\} ([\d.]+)$', text, re.MULTILINE)
            received.append(sum(map(float, counts)))
    assert sum(received) == 60
    assert all(received)


@IN_THE_MESH
def test_every_pod_of_the_mesh_has_a_sidecar_and_frames_are_stored(running: Running) -> None:
    status = asyncio.run(running.world.status())
    assert status.ready
    assert all(pod.proxy_usage for pod in status.pods)
    assert [running.send(frame(seed, section=1))[0] for seed in range(5)] == [200] * 5


@IN_THE_MESH
def test_the_policies_of_the_set_are_in_effect(running: Running) -> None:
    kinds = [one["kind"] for one in asyncio.run(running.world.get())]
    assert kinds.count("VirtualService") == kinds.count("DestinationRule") == 7


@IN_THE_MESH
def test_a_prometheus_is_sent_to_the_sidecars_page_which_has_nothing_of_the_applications_in_it(
    running: Running,
) -> None:
    pods = f"/api/v1/namespaces/{NAME}/pods"
    assert running.send(frame(800, section=1))[0] == 200
    for pod in running.api.get(pods)["items"]:
        notes = pod["metadata"]["annotations"]
        page = [notes[f"prometheus.io/{name}"] for name in ("scrape", "port", "path")]
        assert page == ["true", "15020", "/stats/prometheus"]
    [collector, *_] = [one.name for one in asyncio.run(running.world.status()).pods if one.service == "collector"]
    text = running.api.text(f"{pods}/{collector}:15020/proxy/stats/prometheus")
    assert "envoy_" in text
    assert "goaround_" not in text


def fault(status: int) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "image-analysis", "namespace": NAME},
        "spec": {
            "hosts": ["image-analysis"],
            "http": [
                {
                    "fault": {"abort": {"httpStatus": status, "percentage": {"value": 100}}},
                    "route": [{"destination": {"host": "image-analysis"}}],
                }
            ],
        },
    }


@IN_THE_MESH
def test_a_route_fault_acts_and_is_gone_again_proven_by_the_sidecars_counters(running: Running) -> None:
    aborts = (
        r"envoy_http_outbound_0_0_0_0_8080_fault_aborts_injected\{[^}]*\}|envoy_http_fault_aborts_injected\{[^}]*\}"
    )
    before = running.counter("collector", f"(?:{aborts})")
    asyncio.run(running.world.apply([fault(418)]))
    assert until(lambda: running.send(frame(900, section=1))[0] != 200)
    assert running.counter("collector", f"(?:{aborts})") > before
    [original] = [
        one
        for one in render("mesh", "matched", mesh=MESH).istio
        if one["metadata"]["name"] == "image-analysis" and one["kind"] == "VirtualService"
    ]
    original["metadata"]["namespace"] = NAME
    asyncio.run(running.world.apply([original]))
    assert until(lambda: running.send(frame(901, section=1))[0] == 200)


@IN_THE_MESH
def test_what_istio_refuses_is_told_in_its_words_and_changes_nothing(running: Running) -> None:
    before = asyncio.run(running.world.get())
    bad = fault(418)
    bad["spec"]["http"][0]["fault"]["abort"]["httpStatus"] = 99999
    with pytest.raises(TargetError, match=r"VirtualService image-analysis: .*HTTP status 99999 is not in range"):
        asyncio.run(running.world.apply([bad]))
    assert asyncio.run(running.world.get()) == before


@IN_THE_MESH
def test_weights_act_on_what_enters_at_the_gateway(running: Running) -> None:
    def answers(times: int) -> list[str]:
        path = "/api/v1/namespaces/istio-system/services/http:istio-ingressgateway:80/proxy/status"
        return [running.api.text(path).split(" :")[0] for _ in range(times)]

    assert until(lambda: set(answers(5)) == {"CPanel v1"})
    [rule] = [
        one
        for one in asyncio.run(running.world.get())
        if (one["kind"], one["metadata"]["name"]) == ("VirtualService", "cpanel")
    ]
    route = {"host": "cpanel", "port": {"number": 8080}}
    halves = [{"destination": {**route, "subset": version}, "weight": 50} for version in ("v1", "v2")]
    asyncio.run(running.world.apply([{**rule, "spec": {**rule["spec"], "http": [{"route": halves}]}}]))
    assert until(lambda: "CPanel v2" in answers(1))
    seen = answers(400)
    # half of 400, and five standard deviations of 10 to each side
    assert 150 <= seen.count("CPanel v2") <= 250
    assert set(seen) == {"CPanel v1", "CPanel v2"}


@IN_THE_MESH
def test_a_full_connection_pool_overflows_proven_by_the_sidecars_counters(running: Running) -> None:
    overflows = r'envoy_cluster_upstream_rq_pending_overflow\{cluster_name="outbound\|8080\|\|image-analysis[^}]*\}'
    [rule] = [
        one
        for one in asyncio.run(running.world.get())
        if (one["kind"], one["metadata"]["name"]) == ("DestinationRule", "image-analysis")
    ]
    narrow = {"connectionPool": {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1}}}
    asyncio.run(running.world.apply([{**rule, "spec": {**rule["spec"], "trafficPolicy": narrow}}]))

    def burst() -> bool:
        with ThreadPoolExecutor(24) as threads:
            list(threads.map(lambda seed: running.send(frame(seed, section=2)), range(2000, 2048)))
        return running.counter("collector", overflows) > 0

    assert until(burst)
    asyncio.run(running.world.apply([rule]))
