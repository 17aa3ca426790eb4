"""What a warden answers, over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientConnectionError, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from k8s.cluster.warden.__main__ import serve
from k8s.cluster.warden.app import Warden
from k8s.cluster.warden.door import HEADER
from k8s.cluster.warden.ledger import Ledger
from k8s.cluster.warden.signals import Signals
from tests.k8s.cluster.warden.children import Children
from tests.ports import free_ports

Http = TestClient[web.Request, web.Application]
TOKEN = "a-secret"  # noqa: S105 - of a server that lives for one test
ALLOWED = {HEADER: TOKEN}
STATS = "cluster.outbound|8080||alerts;.upstream_rq_total: 3\n"


async def _envoy(request: web.Request) -> web.Response:
    if request.path == "/stats" and dict(request.query) == {"usedonly": "", "filter": "a|b"}:
        return web.Response(text=STATS)
    return web.Response(status=503, text=request.path_qs)


@pytest_asyncio.fixture
async def http(children: Children) -> AsyncIterator[Http]:
    envoy = web.Application()
    envoy.router.add_get("/{path:.*}", _envoy)
    ledger = Ledger()
    async with TestServer(envoy) as admin:
        warden = Warden(children.processes, ledger, Signals(children.processes, ledger), str(admin.make_url("")))
        async with TestClient(TestServer(warden.make_app(TOKEN))) as client:
            yield client


async def answered(http: Http, method: str, path: str, body: object = None) -> tuple[int, Any]:
    answer = await http.request(method, path, json=body, headers=ALLOWED)
    return answer.status, await answer.json()


@pytest.mark.parametrize("headers", [{}, {HEADER: ""}, {HEADER: "a-secreT"}, {HEADER: "schlüssel"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/usage"), ("GET", "/frozen"), ("POST", "/kill"), ("POST", "/freeze"), ("GET", "/proxy/stats")],
)
async def test_nothing_is_done_or_told_without_the_token(
    http: Http, children: Children, method: str, path: str, headers: dict[str, str]
) -> None:
    app = children.application()
    answer = await http.request(method, path, json={"container": "app", "ttl_s": 9}, headers=headers)
    assert answer.status == 401
    assert await answer.json() == {"errors": [f"header {HEADER}: must be this world's token"]}
    assert (app.poll(), children.state(app.pid) == "T") == (None, False)


async def test_whether_it_lives_is_told_to_everybody(http: Http) -> None:
    assert (await http.get("/livez")).status == 200


async def test_usage_is_that_of_application_and_sidecar_apart(http: Http, children: Children) -> None:
    children.application()
    status, alone = await answered(http, "GET", "/usage")
    assert (status, alone["proxy"], alone["frozen"]) == (200, None, [])
    assert alone["app"]["rss"] > 0
    children.envoy()
    _, both = await answered(http, "GET", "/usage")
    assert both["began"] == alone["began"]
    assert set(both["proxy"]) == set(both["app"]) == {"cpu_s", "rss", "pss"}
    assert 0 < both["proxy"]["rss"] < both["app"]["rss"]


async def test_the_application_is_frozen_told_so_and_thawed(http: Http, children: Children) -> None:
    app = children.application()
    assert await answered(http, "POST", "/freeze", {"container": "app", "ttl_s": 60}) == (200, {"processes": 1})
    while children.state(app.pid) != "T":  # noqa: ASYNC110 - the system tells nobody
        await asyncio.sleep(0)
    assert await answered(http, "GET", "/frozen") == (200, {"frozen": ["app"]})
    assert (await answered(http, "GET", "/usage"))[1]["frozen"] == ["app"]
    assert await answered(http, "POST", "/thaw", {"container": "app"}) == (200, {"processes": 1})


async def test_the_application_is_killed(http: Http, children: Children) -> None:
    app = children.application()
    assert await answered(http, "POST", "/kill", {"container": "app", "ttl_s": 0}) == (200, {"processes": 1})
    assert app.wait() == -9


@pytest.mark.parametrize("path", ["/kill", "/freeze"])
@pytest.mark.parametrize("ttl_s", [-1, True, "9", None, 601])
async def test_all_that_is_wrong_with_an_order_is_told_at_once(http: Http, path: str, ttl_s: object) -> None:
    status, said = await answered(http, "POST", path, {"container": "sidecar", "ttl_s": ttl_s})
    assert status == 400
    assert [one.partition(":")[0] for one in said["errors"]] == ["container", "ttl_s"]


@pytest.mark.parametrize("body", [None, [], "app", 3])
async def test_a_body_that_is_none_names_the_container(http: Http, body: object) -> None:
    status, said = await answered(http, "POST", "/thaw", body)
    assert (status, said) == (400, {"errors": ["container: must be one of app, proxy"]})


async def test_a_freeze_without_a_time_is_refused(http: Http) -> None:
    status, said = await answered(http, "POST", "/freeze", {"container": "app"})
    assert (status, said["errors"][0].partition(":")[0]) == (400, "ttl_s")


async def test_what_cannot_be_signalled_is_told(http: Http) -> None:
    status, said = await answered(http, "POST", "/kill", {"container": "proxy", "ttl_s": 0})
    assert (status, said) == (409, {"errors": ["no process of proxy runs"]})


async def test_envoy_is_asked_for_what_is_asked(http: Http) -> None:
    answer = await http.get("/proxy/stats", params={"usedonly": "", "filter": "a|b"}, headers=ALLOWED)
    assert (answer.status, await answer.text()) == (200, STATS)


async def test_what_envoy_refuses_is_passed_on(http: Http) -> None:
    answer = await http.get("/proxy/clusters", headers=ALLOWED)
    assert (answer.status, await answer.text()) == (503, "/clusters")


@pytest.mark.parametrize("path", ["quitquitquit", "stats%2F..%2Fquitquitquit", "", "logging", "config_dump/x"])
async def test_nothing_else_of_envoy_is_passed_on(http: Http, path: str) -> None:
    status, said = await answered(http, "GET", f"/proxy/{path}")
    assert status == 404
    assert said["errors"][0].startswith("path: must be one of stats,")


async def test_nothing_can_be_posted_to_envoy(http: Http) -> None:
    assert (await http.post("/proxy/stats", headers=ALLOWED)).status == 405


async def test_without_an_envoy_that_is_told(children: Children) -> None:
    ledger = Ledger()
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    warden = Warden(children.processes, ledger, Signals(children.processes, ledger), nowhere)
    async with TestClient(TestServer(warden.make_app(TOKEN))) as client:
        status, said = await answered(client, "GET", "/proxy/stats")
    assert status == 502
    assert said["errors"][0].startswith(f"no Envoy answers at {nowhere}")


async def test_it_serves_until_it_is_stopped_and_lets_everybody_go_on(children: Children) -> None:
    app, stop, port = children.application(), asyncio.Event(), free_ports(1)[0]
    serving = asyncio.create_task(serve(TOKEN, port, stop, children.processes))
    async with ClientSession(headers=ALLOWED) as session:
        frozen = None
        while frozen is None:
            with contextlib.suppress(ClientConnectionError):
                order = {"container": "app", "ttl_s": 60}
                async with session.post(f"http://127.0.0.1:{port}/freeze", json=order) as answer:
                    frozen = answer.status
            await asyncio.sleep(0.01)
    assert frozen == 200
    while children.state(app.pid) != "T":  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    stop.set()
    await serving
    while children.state(app.pid) == "T":  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
