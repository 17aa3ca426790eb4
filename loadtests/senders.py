"""Who sends a run: this process alone, or the workers of a Locust master, each its share of one schedule."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import gevent  # type: ignore[import-untyped] # gevent ships no types
from gevent.event import Event  # type: ignore[import-untyped]
from gevent.queue import Queue  # type: ignore[import-untyped]
from locust.runners import MasterRunner, Runner, WorkerRunner

from loadtests.frames import Frames
from loadtests.replay import INTERRUPT_GRACE_S, Replay
from loadtests.rows import Outcome, Row
from loadtests.run import RunSpec
from loadtests.schedule import arrivals
from loadtests.shares import room, share

PART, ROWS, INTERRUPT = "goaround-part", "goaround-rows", "goaround-interrupt"
POLL_S = 0.1
STOP_S = 3 * INTERRUPT_GRACE_S
# Beyond the end of a run and its last timeout: for a worker's rows to arrive.
REPORT_S = 10.0


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a run: its rows by index, the CPU seconds of all who sent, and whether it was ended early."""

    rows: tuple[Row, ...]
    cpu_s: float
    interrupted: bool


class Sender(Protocol):
    """Plays one run at a time."""

    def play(self, spec: RunSpec) -> Played:
        """Send the whole run, and return when every answer is there."""

    def stop(self) -> None:
        """End the run in hand early, if there is one; returns when `play` has what there is."""

    def rows(self) -> Sequence[Row]:
        """What is known of the run in hand so far."""


class Seat:
    """Where the sending user of a process waits for what it is to send."""

    def __init__(self) -> None:
        self._next: Any = Queue()
        self._idle: Any = Event()
        self._idle.set()
        self.replay: Replay | None = None

    def take(self) -> Replay:
        """Wait for the next replay."""
        replay: Replay = self._next.get()
        return replay

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """While a run is in hand, `stop` waits: whoever plays has something to do with the rows yet."""
        self._idle.clear()
        try:
            yield
        finally:
            self._idle.set()

    def stop(self) -> None:
        """End the run in hand early, and wait until nothing of it is left to do."""
        if not self._idle.is_set() and self.replay is not None:
            self.replay.interrupt()
            self._idle.wait(STOP_S)

    def play(self, spec: RunSpec, number: int = 0, of: int = 1) -> Played:
        """Give the user its share of the run, and wait until it is sent."""
        scheduled = arrivals(spec.load, spec.duration_s, spec.seed, spec.entries)
        started = datetime.now(UTC) + timedelta(seconds=spec.start_monotonic - time.monotonic())
        frames = Frames(spec.frames_name, started, spec.load.what)
        capacity = room(spec.capacity, number, of)
        replay = Replay(share(scheduled, number, of), frames, spec.start_monotonic, capacity, spec.timeout_s)
        self.replay = replay
        self._next.put(replay)
        while not replay.wait(POLL_S):
            if replay.interrupted:
                replay.wait(2 * INTERRUPT_GRACE_S)  # a user that Locust ended before it began never ends it
                break
        self._next = Queue()
        return Played(tuple(replay.rows), replay.cpu_s, replay.interrupted)


class Alone:
    """One process sends everything."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    def play(self, spec: RunSpec) -> Played:
        """See Sender."""
        with self._seat.occupied():
            return self._seat.play(spec)

    def stop(self) -> None:
        """See Sender."""
        self._seat.stop()

    def rows(self) -> Sequence[Row]:
        """See Sender."""
        return self._seat.replay.rows if self._seat.replay else ()


class Master:
    """The workers send; a worker that is lost takes its rows with it, and the run is then an interrupted one.

    So is a run that has no worker when it begins.
    """

    def __init__(self, runner: MasterRunner) -> None:
        self._runner: Any = runner
        self._run = 0
        self._reports: Any = Queue()
        self._idle: Any = Event()
        self._idle.set()
        self._runner.register_message(ROWS, lambda msg, **_: self._hear(msg.data))

    def play(self, spec: RunSpec) -> Played:
        """Hand out the shares, and merge what comes back."""
        self._idle.clear()
        try:
            return self._play(spec)
        finally:
            self._idle.set()

    def _play(self, spec: RunSpec) -> Played:
        clients = self._runner.clients
        workers = [client.id for client in (*clients.ready, *clients.spawning, *clients.running)]
        self._run += 1
        self._reports = Queue()
        # monotonic clocks differ between machines; a worker of another one needs a clock that is set, as by NTP
        start = time.time() + spec.start_monotonic - time.monotonic()
        for number, worker in enumerate(workers):
            part = {"run": self._run, "spec": spec.model_dump_json(), "start": start, "number": number}
            self._runner.send_message(PART, {**part, "of": len(workers)}, client_id=worker)
        until = time.monotonic() + spec.duration_s + spec.timeout_s + REPORT_S
        found = list(self._collect(len(workers), until))
        rows = sorted((_row(each) for report in found for each in report["rows"]), key=lambda row: row.index)
        whole = 0 < len(workers) == len(found)
        interrupted = not whole or any(report["interrupted"] for report in found)
        return Played(tuple(rows), sum(report["cpu_s"] for report in found), interrupted)

    def stop(self) -> None:
        """See Sender."""
        if not self._idle.is_set():
            self._runner.send_message(INTERRUPT)
            self._idle.wait(STOP_S + REPORT_S)

    def rows(self) -> Sequence[Row]:
        """Workers keep their rows until they have sent them all."""
        return ()

    def _hear(self, report: dict[str, Any]) -> None:
        if report["run"] == self._run:  # a worker that was given up may still tell of the run before
            self._reports.put(report)

    def _collect(self, workers: int, until: float) -> Iterable[dict[str, Any]]:
        for _ in range(workers):
            with gevent.Timeout(max(0.0, until - time.monotonic()), False):
                yield self._reports.get()


def work(runner: WorkerRunner, seat: Seat) -> None:
    """Have a worker send the shares that its master hands out."""
    anyone: Any = runner

    def play(msg: Any, **_: Any) -> None:
        spec = RunSpec.from_json(msg.data["spec"])
        start = time.monotonic() + msg.data["start"] - time.time()
        spec = spec.model_copy(update={"start_monotonic": start})
        with seat.occupied():
            played = seat.play(spec, msg.data["number"], msg.data["of"])
            told = {"rows": list(map(_cells, played.rows)), "cpu_s": played.cpu_s, "interrupted": played.interrupted}
            anyone.send_message(ROWS, {"run": msg.data["run"], **told})

    anyone.register_message(PART, play, concurrent=True)
    anyone.register_message(INTERRUPT, lambda **_: seat.stop(), concurrent=True)


def sender(runner: Runner, seat: Seat) -> Sender | None:
    """Choose who sends in this kind of Locust process; None in a worker, which is told by its master."""
    if isinstance(runner, WorkerRunner):
        work(runner, seat)
        return None
    return Master(runner) if isinstance(runner, MasterRunner) else Alone(seat)


def _cells(row: Row) -> list[object]:
    return [row.index, row.at, row.sent, row.end, row.entry, row.frame_id, row.status, str(row.outcome)]


def _row(cells: list[Any]) -> Row:
    index, at, sent, end, entry, frame_id, status, outcome = cells
    return Row(index, at, sent, end, entry, frame_id, status, Outcome(outcome))
