"""How long the try that is being made may still take, for a transport that tells its callee.

Its moment is kept in the context of the task that makes the try, where a transport finds it however deep it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from resilience_lib.layer import Clock

_ends: ContextVar[tuple[float, Clock] | None] = ContextVar("ends", default=None)


def time_left() -> float | None:
    """Return the seconds that the caller of the running try will wait for it; None if its policy does not say."""
    ends = _ends.get()
    if ends is None:
        return None
    at, clock = ends
    return at - clock()


@contextmanager
def ending(at: float, clock: Clock) -> Iterator[None]:
    """Let a try that begins here know when it must have ended."""
    before = _ends.set((at, clock))
    try:
        yield
    finally:
        _ends.reset(before)


def earlier(one: float | None, other: float | None) -> float | None:
    """Return the earlier of two moments; None is never."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
