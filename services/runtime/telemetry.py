"""What this pod counted: requests it answered, calls it made, and what its policies did.

Counting is on the path of every request, so it is plain integers in dictionaries; `metrics` turns them into text
when somebody asks. One event loop writes them, so there is no lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import Any, NamedTuple

from services.runtime.settings import Settings
from services.runtime.timeline import Timeline

BUCKETS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 1.8e6, 3.6e6)
"""Upper bounds of Istio's histograms: milliseconds, and bytes alike."""
NO_FLAG = "-"


class Series(NamedTuple):
    """What sets one series apart from another. `peer` is the caller at the destination, the callee at the source."""

    reporter: str
    peer: str
    status: int
    flag: str


class Histogram:
    """Counts by bucket (the last is +Inf), and the sum of what was observed."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(BUCKETS, value)] += 1
        self.total += value


class Telemetry:
    """The counters of one pod. It is the Recorder of the clients, and the server's own book."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.in_flight = 0
        self.timeline = Timeline()
        self.reset()

    def reset(self) -> None:
        """Set everything to zero, except the requests that are in flight."""
        self.timeline.reset()
        self.calls: dict[str, int] = defaultdict(int)
        self.attempts: dict[str, int] = defaultdict(int)
        self.arrivals: dict[str, int] = defaultdict(int)
        self.in_vain: dict[str, int] = defaultdict(int)
        self.outcomes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.events: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.connections: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.durations: dict[Series, Histogram] = defaultdict(Histogram)
        self.request_bytes: dict[Series, Histogram] = defaultdict(Histogram)
        self.response_bytes: dict[Series, Histogram] = defaultdict(Histogram)

    # the caller's side

    def logical(self, callee: str) -> None:
        """Count a call that business code makes."""
        self.calls[callee] += 1

    def sent(self, callee: str) -> None:
        """Count an attempt that goes out."""
        self.attempts[callee] += 1

    def outcome(self, callee: str, status: int, flag: str | None, seconds: float) -> None:
        """Count how a logical call ended, and after how long."""
        flag = flag or NO_FLAG
        self.outcomes[callee][f"{status}/{flag}"] += 1
        self.durations[Series("source", callee, status, flag)].observe(seconds * 1000)

    def event(self, callee: str, kind: str) -> None:
        """Count what a policy did: retry, open, half-open, close, reject or timeout."""
        self.events[callee][kind] += 1
        self.timeline.event(callee, kind)

    def opened(self, callee: str, address: str) -> None:
        """Count a new connection."""
        self.connections[callee][address] += 1

    # the callee's side

    def received(self, caller: str) -> None:
        """Count a request that reached this pod, whatever becomes of it."""
        self.arrivals[caller] += 1
        self.timeline.received(caller)
        self.in_flight += 1

    def wasted(self, caller: str) -> None:
        """Count a request that was worked on to its end when nobody waited for the answer any more."""
        self.in_vain[caller] += 1

    def finished(self) -> None:
        """Take note that a received request is over."""
        self.in_flight -= 1

    def answered(self, caller: str, status: int, flag: str, seconds: float, request: int, response: int) -> None:
        """Count an answer; `request` and `response` are the sizes of their bodies in bytes."""
        series = Series("destination", caller, status, flag)
        self.durations[series].observe(seconds * 1000)
        self.request_bytes[series].observe(request)
        self.response_bytes[series].observe(response)

    def counters(self) -> dict[str, Any]:
        """Return everything as JSON, as docs/architecture.md shows it."""
        return {
            "in_flight": self.in_flight,
            "logical": dict(self.calls),
            "sent": dict(self.attempts),
            "received": dict(self.arrivals),
            "wasted": dict(self.in_vain),
            "outcomes": {callee: dict(counts) for callee, counts in self.outcomes.items()},
            "events": {callee: dict(counts) for callee, counts in self.events.items()},
            "connections": {callee: dict(counts) for callee, counts in self.connections.items()},
        }
