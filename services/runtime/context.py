"""The identity of the request being served: its request id and W3C trace context, passed on to every call it causes.

`enter` takes both from the request or makes them; `outgoing_headers` is what a client sends along. With them comes how
long the caller will wait, if it says so; what is left of it is for a client to pass on, whose policy says so.
https://www.w3.org/TR/trace-context/ : a service keeps the trace id and puts a span id of its own.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from random import Random

REQUEST_ID = "x-request-id"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
TIMEOUT_MS = "x-goaround-timeout-ms"
"""For how long the caller will wait, in whole milliseconds from now on: no clocks need to agree."""

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_MILLISECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What is passed on. `tracestate` is empty unless it came with a valid traceparent.

    deadline: when the caller stops waiting, on this machine's monotonic clock; None if it did not say.
    parent: the span that this one belongs to, 16 hex digits; empty if nobody said.
    """

    request_id: str
    traceparent: str
    tracestate: str = ""
    deadline: float | None = None
    parent: str = ""


_TRACE, _SPAN = 36, 52
"""Where, in a traceparent of version 00, the trace id ends with its dash, and where the span id ends."""
_spans = Random(secrets.randbits(128))
"""Span ids need to be unique, not secret; asking the system for each would double what a span costs."""
_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def enter(headers: Mapping[str, str]) -> RequestContext:
    """Begin serving a request: take its ids, make those it lacks or has wrong, and hold them for this task."""
    request_id = headers.get(REQUEST_ID, "")
    parent = _TRACEPARENT.fullmatch(headers.get(TRACEPARENT, ""))
    trace_id, span_id, flags = parent.groups() if parent else (secrets.token_hex(16), "", "01")
    context = RequestContext(
        request_id if _REQUEST_ID.fullmatch(request_id) else secrets.token_hex(16),
        f"00-{trace_id}-{secrets.token_hex(8)}-{flags}",
        headers.get(TRACESTATE, "") if parent else "",
        _deadline(headers.get(TIMEOUT_MS, "")),
        span_id,
    )
    _current.set(context)
    return context


def current() -> RequestContext:
    """Return the context of the request being served; outside any, that of a new trace."""
    return _current.get() or enter({})


class span:  # noqa: N801 - used as the function that it would be, were a generator not three times as slow
    """Begin a part of what is being done: calls made inside belong to it, and it belongs to what was there before."""

    __slots__ = ("_token",)

    def __enter__(self) -> RequestContext:
        outer = current()
        before, parent, flags = outer.traceparent[:_TRACE], outer.traceparent[_TRACE:_SPAN], outer.traceparent[_SPAN:]
        own = _spans.getrandbits(64) or 1  # all zeros is no span
        inner = RequestContext(outer.request_id, f"{before}{own:016x}{flags}", outer.tracestate, outer.deadline, parent)
        self._token = _current.set(inner)
        return inner

    def __exit__(self, *_error: object) -> None:
        _current.reset(self._token)


def deadline() -> float | None:
    """Return when the caller of the request being served stops waiting; None outside any, or if it did not say."""
    context = _current.get()
    return context.deadline if context else None


def _deadline(text: str) -> float | None:
    return time.monotonic() + int(text) / 1000 if _MILLISECONDS.fullmatch(text) else None


def outgoing_headers() -> dict[str, str]:
    """Return the headers that a call made now passes on; outside any request, those of a new trace."""
    context = current()
    headers = {REQUEST_ID: context.request_id, TRACEPARENT: context.traceparent}
    if context.tracestate:
        headers[TRACESTATE] = context.tracestate
    return headers
