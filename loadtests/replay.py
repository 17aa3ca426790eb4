"""One run's schedule played in real time: each arrival leaves at its own time, whatever became of those before it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gevent  # type: ignore[import-untyped] # gevent ships no types
from gevent.event import Event  # type: ignore[import-untyped] # gevent ships no types
from gevent.timeout import Timeout  # type: ignore[import-untyped]

from loadtests.frames import Frames
from loadtests.in_flight import InFlight
from loadtests.rows import Outcome, Row
from loadtests.run import Progress
from loadtests.schedule import Arrival, What

INTERRUPT_GRACE_S = 1.0
SHORT_S = 0.05
"""A wait that is this short is slept through: to wait for an interruption as well costs as much as half a request."""


class Answer(NamedTuple):
    """What came of one request: the HTTP status, or None when no whole answer came, and then why.

    stale: the answer says that it is an old one.
    """

    status: int | None
    error: BaseException | None
    stale: bool = False


Send = Callable[[str, bytes, str], Answer]
"""To an entry, a body, as the request of this id."""
Report = Callable[[Row, BaseException | None], None]


class Replay:
    """The state of one run. Made for one run and used once; all times are seconds on CLOCK_MONOTONIC.

    `capacity` bounds the requests in flight; an arrival that finds no room is recorded as dropped and never sent.
    """

    def __init__(
        self, arrivals: Sequence[Arrival], frames: Frames, start: float, capacity: int, timeout_s: float
    ) -> None:
        self.capacity = capacity
        self.timeout_s = timeout_s
        self.arrivals = arrivals
        self.rows: list[Row] = []
        self.cpu_s = 0.0
        self._frames = frames
        self._start = start
        self._in_flight = InFlight(capacity)
        self._stop: Any = Event()
        self._over: Any = Event()
        self._sent = 0
        self._done = 0
        self._ok = 0

    @property
    def what(self) -> What:
        """What each arrival is."""
        return self._frames.what

    @property
    def interrupted(self) -> bool:
        """Whether the run was asked to end before its time."""
        return bool(self._stop.is_set())

    def interrupt(self) -> None:
        """Send nothing more. Requests in flight get INTERRUPT_GRACE_S to end; then they are given up, without a row."""
        if not self._over.is_set():
            self._stop.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the run is over; False when `timeout_s` passed first."""
        return bool(self._over.wait(timeout_s))

    def progress(self) -> Progress:
        """How far the run is; an arrival that was dropped counts as neither sent nor done."""
        return {"sent": self._sent, "done": self._done, "ok": self._ok}

    def run(self, send: Send, report: Report) -> None:
        """Play the schedule to its end, and wait for what is in flight. Late arrivals leave at once, none is skipped.

        `send` blocks its own greenlet until there is an answer; `report` is told of each row as it is made.
        """
        cpu = time.process_time()
        gc.freeze()  # the schedule is long, and lives as long as the run: no collection needs to go through it again
        try:
            for arrival in self.arrivals:
                if not self._sleep_until(arrival.at_s):
                    break
                if self._in_flight.full:
                    gevent.sleep(0)  # an answer that has come already frees its place: let it be read first
                if self._in_flight.full:
                    self._record(arrival, None, None, Answer(None, None), Outcome.DROPPED, report)
                else:
                    self._in_flight.spawn(self._one, arrival, send, report)
            self._drain()
        except BaseException:
            self.interrupt()  # a run that broke off is not a whole one, and its audit must not say so
            raise
        finally:
            self._in_flight.kill()
            gc.unfreeze()
            self.cpu_s = time.process_time() - cpu
            self._over.set()

    def _sleep_until(self, at_s: float) -> bool:
        """Wait for an intended time; False when the run was interrupted. Never spins: that would steal measured CPU."""
        while (left := at_s - self._now()) > SHORT_S:
            if self._stop.wait(left - SHORT_S / 2):
                return False
        if left > 0:
            gevent.sleep(left)
        return not self.interrupted

    def _drain(self) -> None:
        """Wait for each request to end, by its own timeout at the latest; an interruption is less patient."""
        while not self.interrupted:
            if self._in_flight.join(0.05):
                return
        self._in_flight.join(INTERRUPT_GRACE_S)

    def _one(self, arrival: Arrival, send: Send, report: Report) -> None:
        self._sent += 1
        body = self._frames.body(arrival)
        sent = self._now()
        answer = send(arrival.entry, body, self._frames.id(arrival))
        self._record(arrival, sent, self._now(), answer, classify(answer), report)

    def _record(
        self, arrival: Arrival, sent: float | None, end: float | None, answer: Answer, outcome: Outcome, report: Report
    ) -> None:
        frame_id = self._frames.id(arrival)
        row = Row(arrival.index, arrival.at_s, sent, end, arrival.entry, frame_id, answer.status, outcome)
        self.rows.append(row)
        self._done += sent is not None
        self._ok += outcome is Outcome.SUCCESS
        report(row, answer.error)

    def _now(self) -> float:
        return time.monotonic() - self._start


def classify(answer: Answer) -> Outcome:
    """Class one answer: by status where a whole answer came, else by what went wrong."""
    match answer.status:
        case None:
            return Outcome.TIMEOUT if _timed_out(answer.error) else Outcome.CONNECTION
        case 503:
            return Outcome.REJECTED
        case 504:
            return Outcome.TIMEOUT
        case status if 200 <= status < 300:
            return Outcome.FALLBACK if answer.stale else Outcome.SUCCESS
        case _:
            return Outcome.ERROR


def _timed_out(error: BaseException | None) -> bool:
    return isinstance(error, (Timeout, TimeoutError))
