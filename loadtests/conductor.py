"""The conductor, as Locust sees it: the process that starts worlds, holds faults and keeps what was measured.

It is started as a process and never imported, and spoken to in JSON lines, as everything that measures here is
(docs/architecture.md, "Load"). It ends when its stdin closes, and its worlds with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped] # gevent ships no types
from gevent import subprocess
from gevent.queue import Queue  # type: ignore[import-untyped]

COMMAND = (sys.executable, "-m", "benchmarks.conductor")
END_S = 60.0


class ConductorError(RuntimeError):
    """The conductor is gone; what it said last is on stderr."""


class Conductor:
    """One conductor process. `notice` is called with what it says beside its answers: `say` and `state`.

    `results` is the folder where runs are kept, if not the usual one.
    """

    def __init__(self, notice: Callable[[str, Any], None], results: str | None = None) -> None:
        self._notice = notice
        self._command = (*COMMAND, results) if results else COMMAND
        self._answers: Any = None
        self._process: Any = None

    def check(self, options: Mapping[str, Any]) -> list[str]:
        """Ask whether a run could be begun; gives a sentence for each thing that is wrong."""
        self._say("check", options)
        kind, what = self._answer()
        return list(what) if kind == "refused" else []

    def warm(self, options: Mapping[str, Any]) -> None:
        """Have a world started, ready for the first run in its mode; what is wrong is said when that is asked for."""
        self._say("warm", options)

    def order(self, options: Mapping[str, Any]) -> None:
        """Begin a run; `answers` tells how it goes."""
        self._say("order", options)

    def next(self) -> tuple[str, Any]:
        """Wait for what it wants next: `run` (a RunSpec, to be played), `kept` or `refused`. Raises ConductorError."""
        return self._answer()

    def played(self, kind: str, what: Any) -> None:
        """Answer a `run`: `done` with the audit, or `error` with the reason why it was not played."""
        self._say(kind, what)

    def close(self) -> None:
        """End it, and the worlds that it has started; returns when all are gone, or it was killed after END_S."""
        process = self._process
        if process is None:
            return
        process.stdin.close()
        try:
            process.wait(timeout=END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def _say(self, kind: str, what: Any) -> None:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                cwd=Path(__file__).parents[1],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Ctrl-C in a terminal reaches a whole process group: it ends when the run in hand is kept
                start_new_session=True,
            )
            # with each process a queue of its own: that the one before is gone is no answer of this one
            self._answers = Queue()
            gevent.spawn(self._listen, self._process.stdout, self._answers)
        try:
            self._process.stdin.write(json.dumps({kind: what}).encode() + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise ConductorError(self._gone()) from None

    def _answer(self) -> tuple[str, Any]:
        kind, what = self._answers.get()
        if kind == "gone":
            raise ConductorError(self._gone())
        return kind, what

    def _listen(self, lines: Any, answers: Any) -> None:
        for line in lines:
            ((kind, what),) = json.loads(line).items()
            if kind in ("say", "state"):
                self._notice(kind, what)
            else:
                answers.put((kind, what))
        answers.put(("gone", None))

    def _gone(self) -> str:
        code = self._process.wait() if self._process else "none"
        self._process = None
        return f"the conductor has ended (exit code {code}); why is in the lines above"
