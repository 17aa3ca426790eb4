"""When things happened at this pod: what its policies did, and the requests that it received in each quarter second.

A sum over a cell says how much; it does not say whether a breaker opened before the worst was over. This does, at the
cost of one dictionary entry a request, in every mode alike.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

BIN_S = 0.25
"""A quarter second is one twelfth of the shortest fault phase, and still a handful of requests."""
MOST_BINS = 4800
"""Twenty minutes; older bins are forgotten, so that a world that stays up does not grow."""
MOST_MOMENTS = 2000
MOMENTS = frozenset({"open", "half-open", "close", "ejection", "return"})
"""Kinds worth a line each: a policy changed its mind. Retries and timeouts are too many, and are counted."""


class Timeline:
    """The recent past. `clock` gives seconds, CLOCK_MONOTONIC by default, which all processes of a machine share."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._moments: deque[tuple[float, str, str]] = deque(maxlen=MOST_MOMENTS)
        self._bins: dict[int, dict[str, int]] = {}

    def event(self, callee: str, kind: str) -> None:
        """Note that a policy changed its mind about `callee`; other kinds are no moments, and are left out."""
        if kind in MOMENTS:
            self._moments.append((self._clock(), callee, kind))

    def received(self, caller: str) -> None:
        """Count one request of `caller`."""
        number = int(self._clock() / BIN_S)
        counts = self._bins.get(number)
        if counts is None:
            counts = self._bins[number] = {}
            if len(self._bins) > MOST_BINS:
                del self._bins[next(iter(self._bins))]
        counts[caller] = counts.get(caller, 0) + 1

    def to_json(self) -> dict[str, Any]:
        """Return `{"now": s, "events": [[s, callee, kind], ...], "received": {caller: [[s, n], ...]}}`.

        All times are on this pod's clock; a bin's is its beginning. `now` lets a reader on another machine translate.
        """
        received: dict[str, list[tuple[float, int]]] = {}
        for number, counts in self._bins.items():
            for caller, n in counts.items():
                received.setdefault(caller, []).append((number * BIN_S, n))
        return {"now": self._clock(), "events": [list(one) for one in self._moments], "received": received}
