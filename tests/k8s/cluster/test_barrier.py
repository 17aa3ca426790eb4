"""The barrier: what it is made of, who must have seen it, and what is said of those who have not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp import web

from istio.objects import parse
from istio.objects.document import Document
from k8s.cluster.api import Api
from k8s.cluster.barrier import NAME, PASSED, Barrier, barrier, passed_by
from k8s.cluster.lent import lent
from k8s.target import KindUsage, Pod, TargetError
from tests.k8s.cluster.fake import FakeCluster

TOKEN = {"x-goaround-token": "t"}


@dataclass
class Proxies:
    """Sidecars at /POD, and a gateway at /; each knows the hosts that it has been told, after `late` looks."""

    address: str = ""
    known: dict[str, set[str]] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    carried: list[str | None] = field(default_factory=list)

    async def config(self, request: web.Request) -> web.Response:
        pod = request.match_info["pod"]
        self.carried.append(request.headers.get("x-goaround-token"))
        self.late[pod] = self.late.get(pod, 0) - 1
        hosts = self.known.get(pod, set()) if self.late[pod] < 0 else set()
        assert request.query_string == "resource=dynamic_route_configs"
        return web.json_response({"configs": [{"route_config": {"virtual_hosts": [{"domains": sorted(hosts)}]}}]})

    async def gateway(self, request: web.Request) -> web.Response:
        return web.Response(status=PASSED if request.host in self.known.get("gateway", set()) else 404)


@pytest_asyncio.fixture
async def proxies() -> AsyncIterator[Proxies]:
    there = Proxies()
    app = web.Application()
    app.router.add_get("/{pod}/config_dump", there.config)
    app.router.add_get("/", there.gateway)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there.address = f"127.0.0.1:{runner.addresses[0][1]}"
    yield there
    await runner.cleanup()


def pod(name: str, proxy_admin: str | None) -> Pod:
    return Pod(name, "x", "v1", "Running", True, 0, 1.0, "", "a:1", "a:1", "a:2", proxy_admin, KindUsage(), None)


def barrier_of(*known: str, there: Proxies) -> Barrier:
    """A barrier that these proxies have been told of."""
    one = barrier("airport", 8080, "airport-gateway")
    there.known = {name: {one.host} for name in known}
    return one


def test_its_objects_are_right_and_each_time_others() -> None:
    first, second = (barrier("airport", 8080, "airport-gateway") for _ in range(2))
    assert parse([Document(one) for one in first.objects]).warnings == ()
    assert [one["kind"] for one in first.objects] == ["ServiceEntry", "VirtualService"]
    assert first.host != second.host
    names = [{one["metadata"]["name"] for one in each.objects} for each in (first, second)]
    assert not names[0] & names[1]


def test_without_a_gateway_there_is_nothing_for_one() -> None:
    assert [one["kind"] for one in barrier("airport", 8080, None).objects] == ["ServiceEntry"]


async def test_it_is_passed_when_every_sidecar_and_the_gateway_have_seen_it(proxies: Proxies) -> None:
    one = barrier_of("a", "b", "gateway", there=proxies)
    proxies.late = {"b": 2}
    pods = [pod("a", f"{proxies.address}/a"), pod("b", f"{proxies.address}/b"), pod("no-sidecar", None)]
    await passed_by(one, pods, TOKEN, proxies.address)
    assert proxies.late == {"a": -1, "b": -1}
    assert set(proxies.carried) == {"t"}


async def test_who_does_not_follow_is_named(proxies: Proxies) -> None:
    one = barrier_of("a", there=proxies)
    pods = [pod("a", f"{proxies.address}/a"), pod("b", f"{proxies.address}/b"), pod("c", "127.0.0.1:1")]
    with pytest.raises(TargetError, match=r"after 0\.5 s these do not follow .*: b, c, the ingress gateway"):
        await passed_by(one, pods, TOKEN, proxies.address, within_s=0.5)


async def test_what_was_made_for_it_is_gone_afterwards(cluster: FakeCluster, api: Api) -> None:
    before = cluster.listing()
    async with lent(api, barrier("default", 8080, "airport-gateway").objects):
        assert sum(NAME in path for path in cluster.listing()) == 2
    assert cluster.listing() == before


async def test_what_somebody_has_deleted_meanwhile_is_no_failure(cluster: FakeCluster, api: Api) -> None:
    before = cluster.listing()
    async with lent(api, barrier("default", 8080, None).objects):
        cluster.objects = {path: one for path, one in cluster.objects.items() if NAME not in path}
    assert cluster.listing() == before
