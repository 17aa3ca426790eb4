"""Durations as Go writes them, which is how Istio reads them (``1h2m3.5s``, ``250ms``)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_MILLISECOND = timedelta(milliseconds=1)
LONGEST = timedelta(microseconds=(2**63 - 1) // 1000)
"""Go counts nanoseconds in 64 bits (time.ParseDuration): some 292 years."""


def parse_duration(text: object) -> timedelta:
    """Parse a Go duration; the sign is allowed, the unit is not optional.

    Raises:
        ValueError: not a duration.

    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str):
        raise ValueError(f"must be a duration in quotes or with a unit, such as 3s or 250ms, not {text!r}")
    body = text.removeprefix("-").removeprefix("+")
    parts = list(_PART.finditer(body))
    if body == "0":
        return timedelta()
    if not parts or "".join(part.group() for part in parts) != body:
        raise ValueError(f"must be a duration with a unit, such as 3s or 250ms, not {text!r}")
    total = sum(float(part[1]) * _UNITS[part[2]] for part in parts)
    if total > LONGEST.total_seconds():
        raise ValueError(f"must be a duration of at most {LONGEST // timedelta(hours=1)}h, not {text!r}")
    return timedelta(seconds=-total if text.startswith("-") else total)


def _checked(text: object) -> timedelta:
    value = parse_duration(text)
    if value < _MILLISECOND:
        raise ValueError(f"must be at least 1ms, not {text}")
    if value % _MILLISECOND:
        raise ValueError(f"must be whole milliseconds, not {text}")
    return value


def envoy_duration(value: timedelta) -> str:
    """Return a duration in Envoy's JSON: seconds, with as many groups of three decimals as it needs."""
    whole, fraction = divmod(value // timedelta(microseconds=1), 1_000_000)
    if not fraction:
        return f"{whole}s"
    decimals = f"{fraction:06d}"
    return f"{whole}.{decimals[:3] if decimals.endswith('000') else decimals}s"


def go_duration(value: timedelta) -> str:
    """Return a duration as people write it: whole seconds as 30s, whole milliseconds as 250ms, else in microseconds."""
    microseconds = value // timedelta(microseconds=1)
    for size, unit in ((1_000_000, "s"), (1_000, "ms")):
        if microseconds % size == 0:
            return f"{microseconds // size}{unit}"
    return f"{microseconds}us"


AnyDuration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(go_duration)]
"""A duration that istiod takes as it is."""

Duration = Annotated[timedelta, BeforeValidator(_checked), PlainSerializer(go_duration)]
"""A duration that istiod checks: at least 1ms, in whole milliseconds."""
