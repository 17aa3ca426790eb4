"""What a pipeline tells its listener, while it happens."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Event(StrEnum):
    """Something that a policy did, or that happened to a call under it."""

    ATTEMPT = "attempt"
    """The transport is called."""
    RETRY = "retry"
    """The back-off is over and another try begins."""
    OPEN = "open"
    HALF_OPEN = "half-open"
    CLOSE = "close"
    """The breaker changed its state."""
    REJECT = "reject"
    """A breaker or a limit refused a call, or a limit refused a retry."""
    HEDGE = "hedge"
    """A try took long, and a second one begins beside it."""
    FALLBACK = "fallback"
    """A call failed, and an old answer was given in its place."""
    TIMEOUT = "timeout"
    """A try, or a whole call, took too long."""
    EJECTION = "ejection"
    UNEJECTION = "return"
    """A replica is not called for a while, and is called again (noticed with the first call after its time)."""


Listener = Callable[[Event], None]
"""Called synchronously, inside the call: it must be quick and must not raise.

Layers hold `Listener | None` and ask `is not None` before anything else, so that nobody listening costs one comparison.
"""
