"""The transport that every mode shares, and the client that is nothing but it.

aiohttp does four things on its own that would blur a comparison. All are off, in every mode alike: it sends an
idempotent request again when a kept connection turns out dead; it caches names for 10 s; given several addresses it
goes on to the next in silence; and it rounds timeouts of 5 s and more up to a full second of the loop's clock.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver

from services.runtime.clients import EdgeClient, Recorder, Reply, Request
from services.runtime.context import TIMEOUT_MS, outgoing_headers
from services.runtime.discovery import Address, DnsResolver, FileResolver
from services.runtime.settings import Settings

PORT = 8080
"""Where every service listens, as far as its callers know."""

TIMEOUT = aiohttp.ClientTimeout(total=300, sock_connect=30, ceil_threshold=math.inf)
"""aiohttp's own default, without the rounding: what a client has about which nobody thought."""


class Answer(NamedTuple):
    """What came of one attempt, as a status whatever it was.

    flag: None when an answer came; UF, UC, UT, UPE otherwise. sent: False when no connection was had.
    begun: the head of an answer had come, and then it broke off. retry_after: the header of that name, as it came.
    """

    status: int
    body: bytes = b""
    flag: str | None = None
    sent: bool = True
    begun: bool = False
    retry_after: str | None = None


class _BrokenError(aiohttp.ClientError):
    """The connection broke after the request went out; unlike aiohttp's own sign for it, it triggers no resend."""


async def _no_resend(
    request: aiohttp.ClientRequest, handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]]
) -> aiohttp.ClientResponse:
    """Middleware that hides a broken connection from aiohttp's loop, which would send an idempotent request again."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise  # aiohttp does not repeat these
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenError(str(error)) from error


class Transport:
    """Sends requests over one pool of kept connections, and turns whatever happens into an Answer."""

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        self._settings = settings
        self._recorder = recorder
        self._rng = Random()
        self._source = {"x-goaround-source": settings.service_name}
        self._session: aiohttp.ClientSession | None = None
        self._seed(settings.seed)

    async def send(
        self, callee: str, request: Request, replica: Address | None = None, *, timeout_s: float | None = None
    ) -> Answer:
        """Make one attempt, the reading of the body included. Raises nothing for what the network does.

        `replica`: the one to send it to; None: whichever the name leads to. `timeout_s`: what the callee is told of how
        long it will be waited for; the waiting itself is the caller's.
        """
        self._recorder.sent(callee)
        headers = {**outgoing_headers(), **self._source}
        if request.body is not None:
            headers["content-type"] = "application/json"
        if timeout_s is not None:
            headers[TIMEOUT_MS] = str(max(0, int(timeout_s * 1000)))
        if replica is not None:
            headers["host"] = f"{callee}:{PORT}"
        begun = False
        try:
            async with self._pool().request(
                request.method,
                f"http://{_authority(replica or (callee, PORT))}{request.path}",
                params=request.params,
                data=request.body,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,  # a redirect is an answer; following it would be a request that nobody made
                trace_request_ctx=callee,
            ) as response:
                begun = True
                body = await response.read()
                return Answer(response.status, body, retry_after=response.headers.get("retry-after"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Answer(503, flag="UF", sent=False)
        except TimeoutError:
            return Answer(504, flag="UT", begun=begun)
        except aiohttp.ClientResponseError:
            return Answer(502, flag="UPE")  # not HTTP: Envoy answers 502 with its protocol-error flag
        except (aiohttp.ClientError, OSError):
            return Answer(503, flag="UC", begun=begun)

    async def reset(self, seed: int) -> None:
        """Drop all connections and draw from `seed` from here on."""
        await self.close()
        self._seed(seed)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _seed(self, seed: int) -> None:
        self._rng.seed(f"{seed}/{self._settings.pod_name}/discovery")

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:  # made with the first request, because it needs the running loop
            self._session = self._open()
        return self._session

    def _open(self) -> aiohttp.ClientSession:
        path = self._settings.discovery_file
        resolver: AbstractResolver = DnsResolver() if path is None else FileResolver(path, self._rng)
        connector = aiohttp.TCPConnector(
            resolver=resolver,
            use_dns_cache=False,
            happy_eyeballs_delay=None,  # there is one address, so there is nothing to race
            limit=0,
            limit_per_host=self._settings.connection_limit,  # else a slow callee would use up the others' pool
            keepalive_timeout=self._settings.keepalive_s,
            timeout_ceil_threshold=math.inf,
            socket_factory=_dial,
        )
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._opened)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_no_resend,),
            trace_configs=[trace],
        )

    async def _opened(self, _session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
        self._recorder.opened(context.trace_request_ctx, _dialled.get())


_dialled: ContextVar[str] = ContextVar("dialled")
"""The address that this task connected to last: aiohttp's trace says that a connection was made, but not where to."""


def _dial(info: Any) -> socket.socket:
    """Make the socket for a connection, as asyncio would, and note its address."""
    family, kind, protocol, _, address = info
    _dialled.set(f"{address[0]}:{address[1]}")
    return socket.socket(family, kind, protocol)


def _authority(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class PlainClient(EdgeClient):
    """One attempt for each call."""

    def __init__(self, callee: str, recorder: Recorder, transport: Transport) -> None:
        super().__init__(callee, recorder)
        self._transport = transport

    def reset(self, seed: int) -> None:
        """Nothing is learned, and nothing drawn."""

    async def _call(self, request: Request) -> Reply:
        answer = await self._transport.send(self.callee, request)
        return Reply(answer.status, answer.body, answer.flag, 1)
