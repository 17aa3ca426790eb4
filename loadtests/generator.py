"""The load generator: one long-lived process that plays runs, one JSON line each, for the process that started it.

It says `{"ready": true}` on stdout, and takes a RunSpec per line on stdin. It answers `{"progress": {...}}` while a run
lasts and `{"done": {...}}` at its end, or `{"error": "..."}` for a line that cannot be run, and takes the next. It ends
when stdin closes; SIGINT, SIGTERM and a closed stdin end the run in hand early, with the rows so far kept. Logs go to
stderr only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import IO, Any

import gevent  # type: ignore[import-untyped] # gevent ships no types
from gevent.fileobject import FileObject  # type: ignore[import-untyped]
from gevent.queue import Queue  # type: ignore[import-untyped]
from locust.env import Environment
from locust.log import setup_logging

from loadtests import hidden_retries, parent
from loadtests.audit import Audit, audit
from loadtests.frames import Frames
from loadtests.replay import Replay
from loadtests.rows import RowsFile
from loadtests.run import RunSpec
from loadtests.schedule import arrivals
from loadtests.users import OpenLoopUser

PROGRESS_S = 0.5
CLOCK_RANGE_S = 3600.0


class RefusedError(ValueError):
    """A line that cannot be run; its text says why in one sentence."""


class Generator:
    """Plays one run at a time in one Locust environment, and says on `out` how it goes."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._lines: Any = Queue()
        self._ending = False
        self._replay: Replay | None = None
        self._environment = Environment()
        self._runner = self._environment.create_local_runner()

    def serve(self, source: Any) -> None:
        """Take lines from the binary file `source` until it ends, or until `end` is called."""
        reader = gevent.spawn(self._read, source)
        self._say("ready", True)
        while (line := self._lines.get()) is not None and not self._ending:
            try:
                self._say("done", asdict(self._play(RunSpec.from_json(line))))
            except (ValueError, OSError) as error:
                self._say("error", str(error))
        reader.kill()
        self._runner.quit()

    def end(self) -> None:
        """End after the run in hand, which is interrupted."""
        self._ending = True
        self._lines.put(None)
        if self._replay is not None:
            self._replay.interrupt()

    def _read(self, source: Any) -> None:
        """Beside the run, so that a parent that goes away ends it."""
        for line in source:
            if line.strip():
                self._lines.put(line)
        self.end()

    def _play(self, spec: RunSpec) -> Audit:
        now = time.monotonic()
        if abs(spec.start_monotonic - now) > CLOCK_RANGE_S:
            raise RefusedError(
                f"start_monotonic: must be a time near now on this machine's CLOCK_MONOTONIC, which reads {now:.3f} "
                f"(given: {spec.start_monotonic})"
            )
        try:
            file = RowsFile(spec.rows)
        except OSError as error:
            raise RefusedError(f"rows: {spec.rows} cannot be written: {error.strerror}") from None
        scheduled = arrivals(spec.load, spec.duration_s, spec.seed, spec.entries)
        started = datetime.now(UTC) + timedelta(seconds=spec.start_monotonic - time.monotonic())
        frames = Frames(spec.frames_name, started, spec.load.what)
        replay = Replay(scheduled, frames, spec.start_monotonic, spec.capacity, spec.timeout_s)
        self._run(replay)
        file.write(replay.rows)
        return audit(
            replay.rows,
            scheduled=len(scheduled),
            cpu_s=replay.cpu_s,
            hidden_retries_off=hidden_retries.are_off(),
            interrupted=replay.interrupted,
        )

    def _run(self, replay: Replay) -> None:
        self._replay = replay
        if self._ending:
            replay.interrupt()
        self._environment.user_classes = [type("FrameUser", (OpenLoopUser,), {"replay": replay})]
        self._runner.start(user_count=1, spawn_rate=1)
        if self._runner.spawning_greenlet is not None:
            self._runner.spawning_greenlet.get()  # raises what went wrong: without its user a run would never end
        while not replay.wait(PROGRESS_S):
            self._say("progress", replay.progress())
        self._runner.stop()
        self._replay = None

    def _say(self, kind: str, what: Any) -> None:
        try:
            self._out.write(json.dumps({kind: what}, separators=(",", ":")) + "\n")
            self._out.flush()
        except BrokenPipeError:  # nobody listens any more; the rows are still worth keeping
            self.end()


def main() -> None:
    """Serve the parent on stdin and stdout."""
    parent.die_with_it()
    # whatever else prints must not get between the JSON lines: file descriptor 1 becomes stderr for everyone else
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    setup_logging("WARNING")  # type: ignore[no-untyped-call] # typed only in part by locust
    try:
        hidden_retries.switch_off()
    except hidden_retries.HiddenRetriesError as error:
        sys.exit(str(error))
    generator = Generator(out)
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, generator.end)
    generator.serve(FileObject(0, "rb", closefd=False))


if __name__ == "__main__":
    main()
