"""How business code calls another service: one protocol, whatever the mode."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from json import dumps, loads
from typing import TYPE_CHECKING, Any, Protocol

from services.runtime.settings import MODES, BadSettings, Settings

if TYPE_CHECKING:
    from services.runtime.calls import CallLog
    from services.runtime.plain import Transport


@dataclass(frozen=True, slots=True)
class Reply:
    """What a logical call came to. The network never raises: what it did is in `status` and `flag`.

    flag: None when the callee (or the proxy in its place) answered; else UF, UC, UT, UPE, UO, UH or URX, as Envoy
    names it, or FB.
    body: empty where there is no answer. attempts: requests sent; 0 when the call was refused on this side.
    stale_s: the call failed, and this is the last good answer (flag FB), so many seconds old; None: it is news.
    """

    status: int
    body: bytes
    flag: str | None
    attempts: int
    stale_s: float | None = None

    @property
    def ok(self) -> bool:
        """Whether there is an answer to work with (2xx): the callee did what it was asked, or had told it before."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body as JSON; raises ValueError if it is not."""
        return loads(self.body)


class ServiceClient(Protocol):
    """Calls one service."""

    async def request(
        self, method: str, path: str, *, json: object | None = None, params: Mapping[str, str] | None = None
    ) -> Reply:
        """Make one logical call; `path` begins with a slash, `json` becomes the body."""

    async def get(self, path: str, *, params: Mapping[str, str] | None = None) -> Reply:
        """GET `path`."""

    async def post(self, path: str, *, json: object | None = None, params: Mapping[str, str] | None = None) -> Reply:
        """POST `json` to `path`."""


class Recorder(Protocol):
    """Who counts what the clients do (telemetry). Called inside the call, so it must be quick."""

    def logical(self, callee: str) -> None:
        """Record that business code makes a call."""

    def sent(self, callee: str) -> None:
        """Record that one attempt goes out."""

    def outcome(self, callee: str, status: int, flag: str | None, seconds: float) -> None:
        """Record how a logical call ended, and after how long."""

    def event(self, callee: str, kind: str) -> None:
        """Record what a policy did: the kinds are those of resilience_lib.Event."""

    def opened(self, callee: str, address: str) -> None:
        """Record a new connection to `address` (`127.0.0.1:20011`)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One logical call, ready to be sent any number of times."""

    method: str
    path: str
    params: Mapping[str, str] | None
    body: bytes | None

    @property
    def question(self) -> str | None:
        """What is asked, where an old answer would do: a GET changes nothing at the callee. None for anything else."""
        if self.method != "GET":
            return None
        return f"{self.path}?{sorted(self.params.items()) if self.params else ''}"


class EdgeClient(ABC):
    """What clients have in common: the body is written once, and the logical call is counted and timed."""

    def __init__(self, callee: str, recorder: Recorder) -> None:
        self.callee = callee
        self._recorder = recorder

    async def request(
        self, method: str, path: str, *, json: object | None = None, params: Mapping[str, str] | None = None
    ) -> Reply:
        """Make one logical call. Raises TypeError if `json` is no JSON; cancellation passes through, uncounted."""
        self._recorder.logical(self.callee)
        started = time.perf_counter()
        body = None if json is None else dumps(json, separators=(",", ":")).encode()
        reply = await self._call(Request(method, path, params, body))
        self._recorder.outcome(self.callee, reply.status, reply.flag, time.perf_counter() - started)
        return reply

    async def get(self, path: str, *, params: Mapping[str, str] | None = None) -> Reply:
        """GET `path`."""
        return await self.request("GET", path, params=params)

    async def post(self, path: str, *, json: object | None = None, params: Mapping[str, str] | None = None) -> Reply:
        """POST `json` to `path`."""
        return await self.request("POST", path, json=json, params=params)

    @abstractmethod
    def reset(self, seed: int) -> None:
        """Forget what was learned about the callee; draw from `seed` from here on."""

    @abstractmethod
    async def _call(self, request: Request) -> Reply: ...


class Clients(Mapping[str, ServiceClient]):
    """The clients of this pod, by callee; any name gets one when it is first asked for.

    A client that business code holds on to stays valid across `reset`.
    """

    def __init__(
        self,
        transport: Transport,
        make: Callable[[str], EdgeClient],
        around: Callable[[str, ServiceClient], ServiceClient] | None = None,
    ) -> None:
        """`around` puts something between business code and each client, such as a log."""
        self._transport = transport
        self._make = make
        self._around = around
        self._clients: dict[str, EdgeClient] = {}
        self._handed: dict[str, ServiceClient] = {}

    def __getitem__(self, callee: str) -> ServiceClient:
        client = self._handed.get(callee)
        if client is None:
            made = self._clients[callee] = self._make(callee)
            client = self._handed[callee] = made if self._around is None else self._around(callee, made)
        return client

    def __iter__(self) -> Iterator[str]:
        return iter(self._clients)

    def __len__(self) -> int:
        return len(self._clients)

    async def reset(self, seed: int) -> None:
        """Drop the connection pools and the breakers, and draw from `seed` from here on. Nothing may be in flight."""
        await self._transport.reset(seed)
        for client in self._clients.values():
            client.reset(seed)

    async def close(self) -> None:
        """Close every connection. The clients may not be used again."""
        await self._transport.close()


def make_clients(settings: Settings, recorder: Recorder, log: CallLog | None = None) -> Clients:
    """Make the clients of this pod: the one place where RESILIENCE_MODE is read. `log` records what they do.

    Raises BadSettings for an unknown mode, and in `library` for every error in POLICIES_FILE at once.
    """
    from services.runtime import plain

    if log is None:
        transport, around = plain.Transport(settings, recorder), None
    else:
        from services.runtime.calls import LoggedClient, LoggedTransport

        transport, around = LoggedTransport(settings, recorder, log), partial(LoggedClient, log=log)
    if settings.resilience_mode == "plain":
        return Clients(transport, lambda callee: plain.PlainClient(callee, recorder, transport), around)
    if settings.resilience_mode == "library":
        # imported here, so that the control arm does not carry the library, tenacity and pybreaker in its memory
        from services.runtime import library

        return Clients(transport, library.maker(settings, recorder, transport), around)
    if settings.resilience_mode == "endpoints":
        from services.runtime import endpoints

        return Clients(transport, endpoints.maker(settings, recorder, transport), around)
    raise BadSettings([f"RESILIENCE_MODE={settings.resilience_mode!r}: must be one of {', '.join(MODES)}"])
