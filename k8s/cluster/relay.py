"""The way from this machine to the pods of a cluster: a server on the loopback that passes on through the API server.

The network of pods cannot be entered from outside; the API server can be asked to carry a request to a pod.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from k8s.cluster.api import Access

LOOPBACK = "127.0.0.1"
METHODS = {"GET": "get", "POST": "create", "PUT": "update", "DELETE": "delete"}
"""What is passed on, and the verb of Kubernetes that one needs the right to, on `pods/proxy`."""
BODY_LIMIT = 64 * 2**20
# Of one connection, and none of the next one's business (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
# A caller's would be taken for ours, which says who asks; `Host` is passed on only where it is not the relay's own.
NOT_SENT = HOP_BY_HOP | {"authorization", "content-length", "expect", "host"}
UNREACHED = "error trying to reach service"
"""How the API server's message begins when the pod did not take the request, or closed its connection."""


class Relay:
    """Passes requests on to pods, while it is open: `async with Relay(api.access()) as relay`.

    It passes on to the addresses that it has given, and to nothing else of the cluster. They have a key in them, so
    that nobody else on this machine can ask anything in the user's name.
    A pod that does not answer is a connection that is closed without an answer, as it would be without a relay; what
    the API server itself objects to is status 502 whose reason phrase says it in one line.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._given: set[tuple[str, str, str]] = set()
        self._key = secrets.token_urlsafe(16)
        self._port = 0

    async def __aenter__(self) -> Relay:
        """Listen on a free port of the loopback."""
        connector = aiohttp.TCPConnector(limit=0, ssl=self._access.tls or True)
        self._http = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None),  # the caller knows how long it waits
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._answer)
        # whoever does not wait any longer is noticed, and the pod is not asked on for nobody
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, LOOPBACK, 0).start()
        except BaseException:
            await self._close()
            raise
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, with all that is under way."""
        await self._close()

    def address(self, namespace: str, pod: str, _ip: str, port: int) -> str:
        """Where a port of a pod is reached from this machine; a URL is `http://` and this and a path."""
        self._given.add((namespace, pod, str(port)))
        return f"{LOOPBACK}:{self._port}/{self._key}/{namespace}/{pod}/{port}"

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self._http.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            url, namespace, pod = self._url(request)
        except _Refused as refused:
            return refused.answer()
        headers = _onward(request.headers, request.host, f"{LOOPBACK}:{self._port}")
        headers.update(self._access.credentials())
        asking = self._http.request(
            request.method,
            url,
            headers=headers,
            data=await request.read() or None,
            allow_redirects=False,
            proxy=self._access.proxy,
            server_hostname=self._access.server_name,
        )
        try:
            async with asking as found:
                known = await found.read() if _may_be_a_status(found) else None
                said = _status_object(known)
                if said is None:
                    return await _passed(request, found, known)
        except (aiohttp.ClientConnectorError, aiohttp.ClientSSLError) as error:
            line = f"no cluster answers at {self._access.host} (context {self._access.context}): {_one_line(error)}"
            return _Refused(502, line).answer()
        except aiohttp.ClientError:
            return _closed(request)
        if str(said.get("message", "")).startswith(UNREACHED):
            return _closed(request)
        return _Refused(502, self._objection(said, request.method, namespace, pod)).answer()

    def _url(self, request: web.Request) -> tuple[URL, str, str]:
        """Where the API server has what is asked for. Raises _Refused for what is not passed on."""
        path, _, query = request.raw_path.partition("?")
        _, key, namespace, pod, port, rest = (*path.split("/", 5), *[""] * 6)[:6]
        known = secrets.compare_digest(key.encode(errors="replace"), self._key.encode())
        if not known or (namespace, pod, port) not in self._given:
            raise _Refused(404, "no such address: the relay passes on to those that it has given, and to no others")
        if request.method not in METHODS:
            raise _Refused(405, f"{request.method} is not passed on; the relay knows {', '.join(METHODS)}")
        # a path that climbs would leave the pod, and ask the API server itself
        if {".", ".."} & set(unquote(rest).replace("\\", "/").split("/")):
            raise _Refused(400, "a path with . or .. in it is not passed on")
        where = f"{self._access.host}/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/{rest}"
        return URL(f"{where}?{query}" if query else where, encoded=True), namespace, pod

    def _objection(self, said: Mapping[str, Any], method: str, namespace: str, pod: str) -> str:
        """What the API server itself answered, in one line."""
        code = said.get("code")
        if code == 401:
            context = self._access.context
            return f"the cluster does not accept who you are (context {context}): log in again, or use --context"
        if code == 403:
            return f"you may not {METHODS[method]} pods/proxy in namespace {namespace}, by which pods are reached"
        if code == 404:
            return f"pod {pod} is not in namespace {namespace} any more"
        return f"pod {pod}: {_one_line(said.get('message', 'the API server passed nothing on'))}"


class _Refused(Exception):
    """Not passed on, or not by the API server: a status, and why, in one line."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why

    def answer(self) -> web.Response:
        # callers that raise for a status show its reason phrase
        return web.json_response({"errors": [self.why]}, status=self.status, reason=_one_line(self.why))


def _may_be_a_status(found: aiohttp.ClientResponse) -> bool:
    return found.status >= 400 and found.content_type == "application/json"


def _status_object(body: bytes | None) -> dict[str, Any] | None:
    """What the API server says of itself, as a Status of Kubernetes; None when it is the pod that answers."""
    try:
        said = json.loads(body or b"null")
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.get("kind") == "Status" and "apiVersion" in said else None


async def _passed(request: web.Request, found: aiohttp.ClientResponse, known: bytes | None) -> web.StreamResponse:
    """Pass the pod's answer back as it comes, or its body that is `known`; one that breaks off breaks off here too."""
    answer = web.StreamResponse(status=found.status, reason=found.reason)
    for name, value in found.headers.items():
        if name.lower() not in HOP_BY_HOP:
            answer.headers.add(name, value)
    await answer.prepare(request)
    try:
        async for chunk in _chunks(found, known):
            await answer.write(chunk)
        await answer.write_eof()
    except aiohttp.ClientError:
        return _closed(request, answer)
    return answer


async def _chunks(found: aiohttp.ClientResponse, known: bytes | None) -> AsyncIterator[bytes]:
    if known is not None:
        yield known
        return
    async for chunk in found.content.iter_any():
        yield chunk


def _closed(request: web.Request, begun: web.StreamResponse | None = None) -> web.StreamResponse:
    """Close the caller's connection without a word, or in the middle of one."""
    if request.transport is not None:
        request.transport.abort()
    return begun or web.Response(status=502)


def _onward(headers: Mapping[str, str], host: str, own: str) -> CIMultiDict[str]:
    """The caller's headers without those of its connection; with its `Host` where it asked for another than us."""
    named = {one.strip().lower() for one in headers.get("Connection", "").split(",")}
    kept = CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in NOT_SENT | named)
    if host != own:
        kept["Host"] = host
    return kept


def _one_line(said: object) -> str:
    """Anything in one line that fits into a reason phrase."""
    return " ".join(str(said).split()).encode("ascii", "replace").decode()[:300]
