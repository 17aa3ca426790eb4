"""The log of calls: a record of each logical call, each attempt and each request served, unless CALL_LOG is off.

`on`, each is a JSON line at once. `kept`, the newest are held in memory, and nothing is put into words before somebody
asks for the few requests that failed: that is what a bench can afford. Sidecars write the same fields
(istio/call_log.py), and `goaround trace` makes the tree of a request from both. Spans are those of W3C trace context: a
record's own is in its `traceparent`, the one it belongs to is its `parent`. Switched off, nothing of this module is on
the path of a request.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiohttp import web

from services.runtime import context
from services.runtime.clients import Recorder, Reply, ServiceClient
from services.runtime.discovery import Address
from services.runtime.plain import Answer, Transport
from services.runtime.settings import Settings

ATTEMPT_COUNT = "x-envoy-attempt-count"
"""Which of a sidecar's tries this request is; Istio's routes have it set."""


@dataclass
class _Call:
    attempts: int = 0


_call: ContextVar[_Call | None] = ContextVar("call", default=None)


KEPT = 10_000
"""How many records a pod keeps: those of some seconds at a thousand calls a second, and about 5 MB at most."""


class _Entry(NamedTuple):
    """One record before it is put into words: `started` in seconds since 1970, `took` in seconds."""

    kind: str
    request_id: str
    traceparent: str
    parent: str
    started: float
    took: float
    peer: str
    method: str
    path: str
    status: int
    flag: str | None
    attempt: int | None
    host: str | None


class CallLog:
    """Writes the records of one pod. `clock` gives seconds since 1970, `write` takes a line with its end."""

    def __init__(
        self,
        settings: Settings,
        write: Callable[[str], object] = sys.stdout.write,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._own = {"by": "app", "pod": settings.pod_name, "service": settings.service_name}
        self._write, self.clock = write, clock

    def write(
        self,
        kind: str,
        where: context.RequestContext,
        started: float,
        *,
        peer: str,
        method: str,
        path: str,
        status: int,
        flag: str | None,
        attempt: int | None,
        host: str | None = None,
    ) -> None:
        """Take one record: `kind` is call, attempt or served; `where` its span, `peer` the other end's service."""
        took = self.clock() - started
        ids = where.request_id, where.traceparent, where.parent
        self._take((kind, *ids, started, took, peer, method, path, status, flag, attempt, host))

    def _take(self, fields: tuple[Any, ...]) -> None:
        self._write(json.dumps(self._told(_Entry(*fields)), separators=(",", ":")) + "\n")

    def _told(self, entry: _Entry) -> dict[str, Any]:
        return {
            "time": datetime.fromtimestamp(entry.started, UTC).isoformat(timespec="microseconds"),
            "ms": round(entry.took * 1000, 3),
            "kind": entry.kind,
            **self._own,
            "peer": entry.peer,
            "method": entry.method,
            "path": entry.path,
            "status": entry.status,
            "flag": entry.flag,
            "attempt": entry.attempt,
            "host": entry.host,
            "request_id": entry.request_id,
            "traceparent": entry.traceparent,
            "parent": entry.parent or None,
        }

    def of(self, request_ids: Collection[str]) -> list[dict[str, Any]]:
        """Tell what is still held of these requests, oldest first, with the fields of a line: nothing, once written."""
        return []

    def clear(self) -> None:
        """Forget what is held."""

    def served(self, request: web.Request, started: float, caller: str, status: int, flag: str | None) -> None:
        """Record a request that was answered. It must be the one that this task serves."""
        count = request.headers.get(ATTEMPT_COUNT, "")
        where = context.current()
        self.write(
            "served", where, started, peer=caller, method=request.method, path=request.path, status=status, flag=flag,
            attempt=int(count) if count.isascii() and count.isdigit() else None,
        )  # fmt: skip


class KeptCalls(CallLog):
    """Holds the newest KEPT records of one pod, and writes none."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time, most: int = KEPT) -> None:
        super().__init__(settings, clock=clock)
        # plain tuples of plain values: the garbage collector stops looking at them, however many are held
        self._fields: deque[tuple[Any, ...]] = deque(maxlen=most)

    def of(self, request_ids: Collection[str]) -> list[dict[str, Any]]:
        """Tell what is still held of these requests."""
        wanted = frozenset(request_ids)
        entries = (_Entry(*fields) for fields in self._fields)
        return [self._told(entry) for entry in entries if entry.request_id in wanted]

    def clear(self) -> None:
        """Forget what is held."""
        self._fields.clear()

    def _take(self, fields: tuple[Any, ...]) -> None:
        self._fields.append(fields)


class LoggedClient:
    """A client whose logical calls are recorded."""

    def __init__(self, callee: str, client: ServiceClient, log: CallLog) -> None:
        self._callee, self._client, self._log = callee, client, log

    async def request(
        self, method: str, path: str, *, json: object | None = None, params: Mapping[str, str] | None = None
    ) -> Reply:
        """Make one logical call."""
        started = self._log.clock()
        counting = _call.set(_Call())
        try:
            with context.span() as where:
                reply = await self._client.request(method, path, json=json, params=params)
        finally:
            _call.reset(counting)
        self._log.write(
            "call", where, started, peer=self._callee, method=method, path=path,
            status=reply.status, flag=reply.flag, attempt=reply.attempts,
        )  # fmt: skip
        return reply

    async def get(self, path: str, *, params: Mapping[str, str] | None = None) -> Reply:
        """GET `path`."""
        return await self.request("GET", path, params=params)

    async def post(self, path: str, *, json: object | None = None, params: Mapping[str, str] | None = None) -> Reply:
        """POST `json` to `path`."""
        return await self.request("POST", path, json=json, params=params)


class LoggedTransport(Transport):
    """A transport whose attempts are recorded, those too that are given up while under way (flag DC)."""

    def __init__(self, settings: Settings, recorder: Recorder, log: CallLog) -> None:
        super().__init__(settings, recorder)
        self._log = log

    async def send(
        self, callee: str, request: Any, replica: Address | None = None, *, timeout_s: float | None = None
    ) -> Answer:
        """Make one attempt."""
        call = _call.get() or _Call()
        call.attempts += 1
        number, started = call.attempts, self._log.clock()
        answer = Answer(504, flag="DC")
        with context.span() as where:
            try:
                answer = await super().send(callee, request, replica, timeout_s=timeout_s)
            finally:
                host = None if replica is None else f"{replica[0]}:{replica[1]}"
                self._log.write(
                    "attempt", where, started, peer=callee, method=request.method, path=request.path,
                    status=answer.status, flag=answer.flag, attempt=number, host=host,
                )  # fmt: skip
        return answer
