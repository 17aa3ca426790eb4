"""The relay: what passes through it, what does not, and what is said when the API server objects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from k8s.cluster.api import Access
from k8s.cluster.relay import Relay

SECRET = "Bearer the-users-own"  # noqa: S105 - of a server that lives for one test
POD = ("airport", "collector-0", "10.0.0.7", 8080)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def echo(request: web.Request) -> web.StreamResponse:
    """A pod that tells what it was asked."""
    said = {"method": request.method, "url": request.raw_path, "body": (await request.read()).decode()}
    return web.json_response(said, status=201, headers={"x-of-the-pod": "yes"})


@dataclass
class Served:
    """An API server that keeps what it was asked; `pod` answers in its place."""

    pod: Handler = echo
    asked: list[web.Request] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        try:
            return await self.pod(request)
        except asyncio.CancelledError:
            self.gone.set()
            raise


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Served]:
    served = Served()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.port = runner.addresses[0][1]
    yield served
    await runner.cleanup()


@pytest_asyncio.fixture
async def relay(server: Served) -> AsyncIterator[Relay]:
    async with Relay(access(server.port)) as relay:
        yield relay


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


def access(port: int) -> Access:
    return Access(f"http://127.0.0.1:{port}", "fake", None, None, lambda: {"Authorization": SECRET}, None)


def says(code: int, message: str) -> Handler:
    """An API server that objects in its own words."""

    async def handler(_request: web.Request) -> web.StreamResponse:
        said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
        return web.json_response(said, status=code)

    return handler


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_request_reaches_the_pod_as_it_was_and_so_does_its_answer(
    relay: Relay, server: Served, http: aiohttp.ClientSession, method: str
) -> None:
    url = f"http://{relay.address(*POD)}/frame?a=1&b=%26"
    async with http.request(method, url, data=b"hello", headers={"x-request-id": "7-1"}) as answer:
        assert (answer.status, answer.headers["x-of-the-pod"]) == (201, "yes")
        assert await answer.json() == {
            "method": method,
            "url": "/api/v1/namespaces/airport/pods/collector-0:8080/proxy/frame?a=1&b=%26",
            "body": "hello",
        }
    assert server.asked[0].headers["x-request-id"] == "7-1"


async def test_the_users_credentials_go_to_the_api_server_and_not_to_the_caller(
    relay: Relay, server: Served, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"http://{relay.address(*POD)}/status", headers={"Authorization": "Basic none"}) as answer:
        assert SECRET not in str(answer.headers) + await answer.text()
    assert server.asked[0].headers.getall("Authorization") == [SECRET]
    assert SECRET not in repr(access(1))


async def test_a_host_that_was_asked_for_is_passed_on(
    relay: Relay, server: Served, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"http://{relay.address(*POD)}/", headers={"Host": "airport.example"}):
        pass
    async with http.get(f"http://{relay.address(*POD)}/"):
        pass
    assert [one.host for one in server.asked] == ["airport.example", f"127.0.0.1:{server.port}"]


async def test_an_objection_of_the_pod_is_passed_on_as_it_is(
    relay: Relay, server: Served, http: aiohttp.ClientSession
) -> None:
    async def denied(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"errors": ["no"]}, status=403)

    server.pod = denied
    async with http.get(f"http://{relay.address(*POD)}/faults") as answer:
        assert (answer.status, await answer.json()) == (403, {"errors": ["no"]})


@pytest.mark.parametrize(
    ("code", "message", "line"),
    [
        (403, 'pods "x" is forbidden', "you may not create pods/proxy in namespace airport, by which pods are reached"),
        (404, 'pods "collector-0" not found', "pod collector-0 is not in namespace airport any more"),
        (
            401,
            "Unauthorized",
            "the cluster does not accept who you are (context fake): log in again, or use --context",
        ),
        (500, "etcd\nis away", "pod collector-0: etcd is away"),
    ],
)
async def test_what_the_api_server_objects_is_one_line(
    relay: Relay, server: Served, http: aiohttp.ClientSession, code: int, message: str, line: str
) -> None:
    server.pod = says(code, message)
    async with http.post(f"http://{relay.address(*POD)}/faults") as answer:
        assert (answer.status, answer.reason, await answer.json()) == (502, line, {"errors": [line]})


async def test_a_pod_that_does_not_answer_is_a_closed_connection(
    relay: Relay, server: Served, http: aiohttp.ClientSession
) -> None:
    server.pod = says(503, "error trying to reach service: dial tcp 10.0.0.7:8080: connect: connection refused")
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.post(f"http://{relay.address(*POD)}/frame")


async def test_an_answer_that_breaks_off_breaks_off(relay: Relay, server: Served, http: aiohttp.ClientSession) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100"})
        await answer.prepare(request)
        await answer.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return answer

    server.pod = half
    async with http.get(f"http://{relay.address(*POD)}/") as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_caller_that_waits_no_longer_frees_the_pod(
    relay: Relay, server: Served, http: aiohttp.ClientSession
) -> None:
    begun = asyncio.Event()

    async def hanging(_request: web.Request) -> web.StreamResponse:
        begun.set()
        return await asyncio.Future()

    server.pod = hanging
    asking = asyncio.ensure_future(http.get(f"http://{relay.address(*POD)}/"))
    await begun.wait()
    asking.cancel()
    await asyncio.wait_for(server.gone.wait(), 10)


@pytest.mark.parametrize(
    ("method", "path", "status", "why"),
    [
        ("PATCH", "airport/collector-0/8080/", 405, "PATCH is not passed on; the relay knows GET, POST, PUT, DELETE"),
        ("GET", "kube-system/coredns/8080/", 404, "no such address"),
        ("GET", "airport/collector-1/8080/", 404, "no such address"),
        ("GET", "airport/collector-0/22/", 404, "no such address"),
        ("GET", "airport/collector-0/8080/a/%2e%2e/%2e%2e/%2e%2e/secrets", 400, "a path with . or .. in it"),
        ("GET", "airport/collector-0/8080/a%2F..%2F..%2F..%2Fsecrets", 400, "a path with . or .. in it"),
        ("GET", "airport", 404, "no such address"),
    ],
)
async def test_nothing_else_is_passed_on(
    relay: Relay, server: Served, method: str, path: str, status: int, why: str
) -> None:
    root = relay.address(*POD).partition("/airport/")[0]
    code, line = await raw(root, method, path)
    assert (code, why in line) == (status, True), line
    assert server.asked == []


async def raw(root: str, method: str, path: str) -> tuple[int, str]:
    """Ask without a client that tidies a path up: the status, and the objection."""
    host, _, key = root.partition("/")
    address, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(address, int(port))
    writer.write(f"{method} /{key}/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    [line] = json.loads(body)["errors"]
    return int(head.split()[1]), line


async def test_without_the_key_nothing_is_passed_on(relay: Relay, server: Served, http: aiohttp.ClientSession) -> None:
    host, _, rest = relay.address(*POD).partition("/")
    async with http.get(f"http://{host}/guess/{rest.partition('/')[2]}/status") as answer:
        assert answer.status == 404
    assert server.asked == []


async def test_no_cluster_is_one_line(http: aiohttp.ClientSession) -> None:
    async with Relay(access(1)) as relay, http.get(f"http://{relay.address(*POD)}/") as answer:
        assert answer.status == 502
        assert (answer.reason or "").startswith("no cluster answers at http://127.0.0.1:1 (context fake): ")
