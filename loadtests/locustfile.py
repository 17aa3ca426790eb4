"""The same open-loop load as a plain Locust test: `locust -f loadtests/locustfile.py`, headless or in the web UI.

The schedule says how many requests there are and when; Locust's number of users and spawn rate have no say in it.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NoReturn

import gevent  # type: ignore[import-untyped] # gevent ships no types
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopTest
from pydantic import ValidationError

from loadtests import hidden_retries
from loadtests.audit import audit
from loadtests.frames import Frames
from loadtests.replay import INTERRUPT_GRACE_S, Replay
from loadtests.run import Plan, sentence
from loadtests.schedule import arrivals
from loadtests.users import OpenLoopUser

LEAD_S = 0.25
BAD_INPUT = 2

log = logging.getLogger(__name__)


class FrameUser(OpenLoopUser):
    """Sends the frames of the test that is running; each test gives the class a replay of its own."""

    def on_stop(self) -> None:
        """End the test when the schedule is done: nothing else would."""
        super().on_stop()
        runner = self.environment.runner
        if runner is not None and not self.replay.interrupted:
            headless = self.environment.web_ui is None
            gevent.spawn(runner.quit if headless else runner.stop)


def declare(parser: LocustArgumentParser, **_: Any) -> None:
    """Add the load's arguments, all as text: the web UI answers a number that is none with an error 500 otherwise."""
    group = parser.add_argument_group("open-loop load")
    for flag, default, meaning in (
        ("--pattern", "poisson", "gaps between arrivals: constant or poisson"),
        ("--rate", "30", "arrivals per second, on average"),
        ("--duration-s", "10", "length of the load in seconds"),
        ("--seed", "1", "the same seed gives the same schedule and the same frames"),
        ("--entries", "127.0.0.1:8080", "host:port of each replica that takes frames, separated by commas"),
        ("--timeout-s", "5", "seconds to wait for an answer"),
        ("--capacity", "200", "most requests in flight; an arrival beyond it is dropped, and counted"),
    ):
        group.add_argument(flag, default=default, help=meaning)


def prepare(environment: Environment, **_: Any) -> None:
    """Make the schedule, or end the test with the reason why there can be none, shown where the user looks."""
    if "replay" in vars(FrameUser):
        del FrameUser.replay
    try:
        hidden_retries.switch_off()
        plan = plan_of(vars(environment.parsed_options))
    except ValidationError as error:
        refuse(environment, sentence(error))
    except hidden_retries.HiddenRetriesError as error:
        refuse(environment, str(error))
    now = time.time_ns()
    # a world outlives a test, and stores a frame id once: the same seed again must not look like the same frames again
    frames = Frames(f"{plan.seed:x}.{now:x}", datetime.fromtimestamp(now / 1e9 + LEAD_S, UTC))
    scheduled = arrivals(plan.load, plan.duration_s, plan.seed, plan.entries)
    FrameUser.replay = Replay(scheduled, frames, time.monotonic() + LEAD_S, plan.capacity, plan.timeout_s)


def drain(environment: Environment, **_: Any) -> None:
    """Let what is in flight end: Locust would kill it, and the slowest answers would be lost."""
    replay = getattr(FrameUser, "replay", None)
    if replay is not None:
        replay.interrupt()
        replay.wait(2 * INTERRUPT_GRACE_S)


def plan_of(options: dict[str, Any]) -> Plan:
    """Read the plan from Locust's options. Raises pydantic.ValidationError with every wrong field."""
    fields = {name: options[name] for name in Plan.model_fields if name != "load"}
    load = {"pattern": options["pattern"], "rate": options["rate"]}
    entries = [entry.strip() for entry in str(options["entries"]).split(",") if entry.strip()]
    return Plan.model_validate({**fields, "load": load, "entries": entries})


def refuse(environment: Environment, reason: str) -> NoReturn:
    """Stop before the first request: the reason is in the log and among the web UI's exceptions; the exit code is 2."""
    environment.process_exit_code = BAD_INPUT
    if environment.runner is not None:
        environment.runner.log_exception("local", reason, "")
    hub = gevent.get_hub()
    hub.NOT_ERROR = (*hub.NOT_ERROR, StopTest)  # Locust logs the reason; gevent would add a traceback
    raise StopTest(reason)


def account(environment: Environment, **_: Any) -> None:
    """Say how well the load was generated: a latency is worth what its generator's lateness is."""
    replay = getattr(FrameUser, "replay", None)
    if replay is not None:
        report = audit(
            replay.rows,
            scheduled=len(replay.arrivals),
            cpu_s=replay.cpu_s,
            hidden_retries_off=hidden_retries.are_off(),
            interrupted=replay.interrupted,
        )
        log.info("generator: %s", json.dumps(asdict(report)))


hooks: Any = events  # without types in locust
hooks.init_command_line_parser.add_listener(declare)
hooks.test_start.add_listener(prepare)
hooks.test_stopping.add_listener(drain)
hooks.test_stop.add_listener(account)
