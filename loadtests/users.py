"""The one Locust user that sends a whole run: open loop, although Locust's own users are closed loops."""

from __future__ import annotations

from typing import Any, ClassVar

from gevent.timeout import Timeout  # type: ignore[import-untyped] # gevent ships no types
from locust import FastHttpUser, task
from locust.env import Environment
from locust.exception import StopUser

from loadtests.replay import Answer, Replay
from loadtests.rows import Outcome, Row

PATH = "/frame"
HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class NotSentError(Exception):
    """An arrival that found no room: shown among Locust's failures, so that no latency is read without it."""


class FailedError(Exception):
    """An answer that is no success, by its outcome class."""


class OpenLoopUser(FastHttpUser):
    """Plays `replay` once, then stops. A subclass carries the replay of its run.

    Locust's statistics are told the latency from the intended time; a dropped arrival is a failure without a time.
    """

    abstract = True
    fixed_count = 1
    host = "http://every.arrival.names.its.own.entry.invalid"
    replay: ClassVar[Replay]

    def __init__(self, environment: Environment) -> None:
        # geventhttpclient's own pool queues in silence when it is smaller than ours
        self.concurrency = self.replay.capacity
        self.connection_timeout = self.network_timeout = self.replay.timeout_s
        super().__init__(environment)
        self._client: Any = self.client  # bytes are sent as they are, although `data` is annotated as text
        agent: Any = self._client.client
        agent.valid_response_codes = frozenset(range(100, 600))  # every whole answer is an answer, classified here
        agent.redirect_response_codes = frozenset()  # a redirect followed would be a second request

    @task
    def open_loop(self) -> None:
        """Send the run, and be done."""
        self.replay.run(self._send, self._report)
        raise StopUser

    def on_stop(self) -> None:
        """Close the connections: a run begins with none, whatever ran before."""
        self._client.client.close()

    def _send(self, entry: str, body: bytes) -> Answer:
        # the one deadline that covers connecting, sending and reading together
        try:
            with Timeout(self.replay.timeout_s):
                response = self._client.post(f"http://{entry}{PATH}", data=body, headers=HEADERS, catch_response=True)
        except (Exception, Timeout) as error:  # whatever it is, an arrival without a row would be a lie
            return Answer(None, error)
        failure = response.request_meta["exception"]
        return Answer(None if failure else response.status_code, failure)

    def _report(self, row: Row, error: BaseException | None) -> None:
        failure: Exception | None = None
        if row.outcome is Outcome.DROPPED:
            failure = NotSentError(f"dropped: {self.replay.capacity} requests in flight already")
        elif row.outcome is not Outcome.SUCCESS:
            failure = FailedError(f"{row.outcome}: {row.status or type(getattr(error, 'original', error)).__name__}")
        latency = row.latency_s
        self.environment.events.request.fire(
            request_type="POST",
            name=PATH,
            response_time=None if latency is None else latency * 1000,
            response_length=0,
            exception=failure,
            context={},
        )
