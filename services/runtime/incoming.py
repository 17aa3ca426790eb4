"""What comes with a request, read and checked: its body, and a span of time in its query."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from services.airport.messages import InvalidError, moment


class Destination(NamedTuple):
    """Where a URL such as http://alerts:8080/ leads: the service and the path."""

    service: str
    path: str


async def body(request: web.Request) -> Any:
    """Return the request's JSON; raises InvalidError."""
    try:
        return await request.json()
    except ValueError as error:
        raise InvalidError([f"body: must be JSON ({error})"]) from error


def span(query: Mapping[str, str]) -> tuple[float, float]:
    """Return `from` and `to` in seconds since 1970, both included; absent means unbounded. Raises InvalidError."""
    bounds = {"from": -math.inf, "to": math.inf}
    errors = []
    for name in bounds:
        if name in query:
            try:
                bounds[name] = moment(query[name]).timestamp()
            except ValueError:
                errors.append(f"{name}: must be ISO 8601 with zone, such as 2026-01-31T12:00:00Z (write + as %2B)")
    if errors:
        raise InvalidError(errors)
    return bounds["from"], bounds["to"]


def choice(query: Mapping[str, str], name: str, choices: tuple[str, ...], *, needed: bool = False) -> str | None:
    """Return the value of `name`, one of `choices`, or None where it is absent. Raises InvalidError."""
    value = query.get(name)
    if value not in choices and (value is not None or needed):
        raise InvalidError([f"{name}: must be {' or '.join(choices)}"])
    return value


def destination(url: str, field: str = "destination") -> Destination:
    """Read the URL of a service; raises InvalidError. Services are called by their name, at the one port they have."""
    try:
        parts = urlsplit(url)
        good = parts.scheme == "http" and bool(parts.hostname) and parts.port in (None, 8080) and not parts.query
    except ValueError:
        good = False
    if not good:
        raise InvalidError([f"{field}: must be the URL of a service, such as http://alerts:8080/"])
    return Destination(str(parts.hostname).split(".")[0], parts.path or "/")
