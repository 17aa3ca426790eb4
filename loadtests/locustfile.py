"""The same open-loop load as a plain Locust test: `locust -f loadtests/locustfile.py`, headless or in the web UI.

The schedule says how many requests there are and when; Locust's number of users and spawn rate have no say in it. With
--host, --world or --entries it loads what runs already; without, a world is started, and the scenario's fault is held.
With --master and --worker one schedule is shared out.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import gevent  # type: ignore[import-untyped] # gevent ships no types
from locust import LoadTestShape, User, events, task
from locust.env import Environment
from locust.exception import StopTest, StopUser
from locust.runners import MasterRunner

from loadtests import hidden_retries, options, web
from loadtests.senders import Seat, sender
from loadtests.session import BAD_INPUT, Session
from loadtests.users import OpenLoopUser

SEAT = Seat()
INTERRUPTED = 128 + signal.SIGINT


class FrameUser(User):
    """The one user of each process that sends: waits for its part of a run, and plays it."""

    host = options.HERE

    @task
    def send(self) -> None:
        """Play one run."""
        playing = type("Playing", (OpenLoopUser,), {"replay": SEAT.take()})(self.environment)
        try:
            playing.play()
        finally:
            playing.on_stop()
        raise StopUser


class OneUserPerProcess(LoadTestShape):
    """Locust's way to say that --users and --spawn-rate have no say; the schedule has."""

    abstract = False
    # Locust ignores --run-time otherwise, and says so; the web UI shows the fields that have no say as disabled
    use_common_options = "--headless" in sys.argv

    def tick(self) -> tuple[int, float]:
        """One user in each process that sends, until the session ends the test."""
        runner: Any = self.runner
        return runner.worker_count, min(100, runner.worker_count)


def initialise(environment: Environment, **_: Any) -> None:
    """Make the session of this process, or a worker of it; in a web UI, add our tab and our panel to it."""
    runner = environment.runner
    if runner is None:
        return
    sending = sender(runner, SEAT)
    if sending is None:
        for over in (hooks.test_stopping, hooks.quitting):
            over.add_listener(lambda **_: SEAT.stop())
        on_signal(SEAT.stop, environment)
        return
    session = Session(environment, sending, workers=isinstance(runner, MasterRunner))
    hooks.test_start.add_listener(lambda **_: begin(environment, session))
    hooks.test_stopping.add_listener(lambda **_: session.interrupt())
    hooks.quitting.add_listener(lambda **_: session.close())
    on_signal(session.close, environment)
    if environment.web_ui is not None:
        web.extend(environment.web_ui, environment, session)
        given: Any = environment.parsed_options
        if given.warm:
            session.warm(vars(given))


def on_signal(close: Callable[[], None], environment: Environment) -> None:
    """Have Ctrl-C and SIGTERM end this process when `close` has returned, and the second one at once.

    Locust listens to SIGTERM only once a headless test is over, and takes Ctrl-C as a KeyboardInterrupt, which ends
    whichever greenlet runs just then, with all that it was about to keep.
    """
    signals = iter(range(2))

    def end() -> None:
        if next(signals, None) != 0:
            os._exit(INTERRUPTED)
        close()
        if environment.runner is not None:
            environment.runner.quit()
        if environment.web_ui is not None:
            environment.process_exit_code = 0  # a page is there to be looked at, and ends when it has been
            web_ui: Any = environment.web_ui  # without types in locust
            web_ui.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, end)


def begin(environment: Environment, session: Session) -> None:
    """Begin the test, or end it with the reason why there can be none, shown where the user looks."""
    try:
        session.begin({**vars(environment.parsed_options), "host": environment.host})
    except (options.RefusedError, hidden_retries.HiddenRetriesError) as error:
        session.fail(getattr(error, "problems", (str(error),)), BAD_INPUT)
        hub = gevent.get_hub()
        hub.NOT_ERROR = (*hub.NOT_ERROR, StopTest)  # Locust logs the reason; gevent would add a traceback
        raise StopTest("nothing was sent") from None


hooks: Any = events  # without types in locust
hooks.init_command_line_parser.add_listener(options.declare)
hooks.init.add_listener(initialise)
