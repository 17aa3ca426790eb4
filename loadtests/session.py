"""One Locust test after the other: what was asked for, played, accounted for, and ended."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped] # gevent ships no types
from locust.env import Environment

from loadtests import hidden_retries
from loadtests.audit import Audit, audit
from loadtests.board import Board
from loadtests.conductor import Conductor, ConductorError
from loadtests.options import LEAD_S, RefusedError, load_alone, spec_of
from loadtests.rows import RowsFile
from loadtests.run import RunSpec
from loadtests.schedule import arrivals
from loadtests.senders import Played, Sender

BAD_INPUT = 2
VOID = 1
# Users of other processes have to be started first.
WORKERS_LEAD_S = 1.5
END_S = 30.0

log = logging.getLogger(__name__)


class Session:
    """What a Locust process that is no worker does: one test at a time."""

    def __init__(self, environment: Environment, sender: Sender, *, workers: bool) -> None:
        self.board = Board()
        self._environment = environment
        self._sender = sender
        self._lead_s = WORKERS_LEAD_S if workers else LEAD_S
        options: Any = environment.parsed_options
        self._conductor = Conductor(self._notice, options.results and str(Path(options.results).absolute()))
        self._test: Any = None
        self._stopped = False

    @property
    def busy(self) -> bool:
        """Whether a test is in hand; it may be over for Locust, and its results not kept yet."""
        return self._test is not None and not self._test.ready()

    def warm(self, options: Mapping[str, Any]) -> None:
        """Have the world of a mode started before a run is asked for."""
        self._conductor.warm(plain(options))

    def problems(self, options: Mapping[str, Any]) -> Sequence[str]:
        """Say all that is wrong with what is asked for, before anything is begun."""
        if self.busy:
            return ["the run before is still being kept: try again in a few seconds"]
        try:
            if load_alone(options):
                spec_of(options, Path(tempfile.gettempdir()))
                return []
            return self._conductor.check(plain(options))
        except RefusedError as refused:
            return refused.problems
        except ConductorError as error:
            return [str(error)]

    def begin(self, options: Mapping[str, Any]) -> None:
        """Begin the test that is asked for. Raises RefusedError, HiddenRetriesError."""
        hidden_retries.switch_off()
        if problems := self.problems(options):
            raise RefusedError(problems)
        self._stopped = False
        self._environment.process_exit_code = None
        self.board.begin()
        self._test = gevent.spawn(self._run, dict(options))

    def interrupt(self) -> None:
        """End the test in hand early; what was measured is kept."""
        self._stopped = True
        self._sender.stop()

    def close(self) -> None:
        """End everything, and wait until what was measured is kept."""
        if self.busy:
            self.interrupt()
            self._test.join(timeout=END_S)
        self._conductor.close()

    def _run(self, options: Mapping[str, Any]) -> None:
        try:
            if load_alone(options):
                self._load(options)
            else:
                self._conducted(options)
        except (RefusedError, ConductorError, OSError) as error:
            self.fail(getattr(error, "problems", (str(error),)), BAD_INPUT)
        finally:
            gevent.spawn(self._end)

    def _end(self) -> None:
        """End the test for Locust, which would wait for its users' next task otherwise."""
        runner: Any = self._environment.runner
        headless = self._environment.web_ui is None
        if runner is not None:
            runner.quit() if headless else runner.stop()

    def _load(self, options: Mapping[str, Any]) -> None:
        keep = options.get("rows")
        file = RowsFile(Path(keep)) if keep else None
        played, _ = self._play(spec_of(options, Path(keep or "unkept"), self._lead_s))
        if file:
            file.write(played.rows)

    def _conducted(self, options: Mapping[str, Any]) -> None:
        self._conductor.order(plain(options))
        while True:
            match self._conductor.next():
                case "run", wanted if self._stopped:
                    self._conductor.played("error", "stopped before the load began")
                case "run", wanted:
                    spec = RunSpec.model_validate(wanted["spec"])
                    self.board.load(spec, wanted["phases"])
                    file = RowsFile(spec.rows)
                    played, report = self._play(spec)
                    file.write(played.rows)
                    self._conductor.played("done", asdict(report))
                case "kept", kept:
                    log.info("kept: %s", kept["report"])
                    # a fault makes requests fail, which is what it is for: no failure of the test
                    self._environment.process_exit_code = 0
                    if kept["void"]:
                        self.fail([f"void: {reason}" for reason in kept["void"]], VOID)
                    self.board.keep(kept)
                    return
                case "refused", problems:
                    self.fail(problems, BAD_INPUT)
                    return

    def _play(self, spec: RunSpec) -> tuple[Played, Audit]:
        """Send the load, and say how well it was generated: a latency is worth what its generator's lateness is."""
        self.board.load(spec, self.board.phases)
        self.board.watch(self._sender.rows)
        played = self._sender.play(spec)
        self.board.watch(lambda: played.rows)
        report = audit(
            played.rows,
            scheduled=len(arrivals(spec.load, spec.duration_s, spec.seed, spec.entries)),
            cpu_s=played.cpu_s,
            hidden_retries_off=hidden_retries.are_off(),
            interrupted=played.interrupted,
        )
        log.info("generator: %s", json.dumps(asdict(report)))
        return played, report

    def fail(self, problems: Sequence[str], code: int) -> None:
        """Say what is wrong where the user looks: in the log, on the board and among Locust's exceptions."""
        self._environment.process_exit_code = code
        self.board.say("; ".join(problems))
        for problem in problems:
            log.error("%s", problem)
            if self._environment.runner is not None:
                self._environment.runner.log_exception("goaround", problem, problem)

    def _notice(self, kind: str, what: Any) -> None:
        if kind == "say":
            log.info("%s", what)
            self.board.say(what)
        else:
            self.board.show(what)


def plain(options: Mapping[str, Any]) -> dict[str, str | None]:
    """Choose the options that the conductor takes."""
    names = ("mode", "scenario", "rate", "pattern", "seed", "entry", "stretch")
    return {name: str(options[name]) if options.get(name) else None for name in names}
