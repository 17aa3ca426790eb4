"""The one Locust user that sends a whole run: open loop, although Locust's own users are closed loops."""

from __future__ import annotations

from typing import Any, ClassVar

from gevent.timeout import Timeout  # type: ignore[import-untyped] # gevent ships no types
from geventhttpclient import HTTPClient
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from loadtests.frames import NO_BODY
from loadtests.replay import Answer, Replay
from loadtests.rows import Outcome, Row

PATH, DASHBOARD = "/frame", "/"
STALE = "x-goaround-stale-s"
"""How an answer says that it rests on old answers (docs/architecture.md)."""
HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class NotSentError(Exception):
    """An arrival that found no room: shown among Locust's failures, so that no latency is read without it."""


class FailedError(Exception):
    """An answer that is no success, by its outcome class."""


class OpenLoopUser(User):
    """Plays `replay` once, then stops. A subclass carries the replay of its run.

    It speaks through FastHttpUser's own client library, without the two layers above it: those cost half of what a
    request costs, and follow redirects. Locust's statistics are told the latency from the intended time; a dropped
    arrival is a failure without a time.
    """

    abstract = True
    fixed_count = 1
    replay: ClassVar[Replay]

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._clients: dict[str, tuple[HTTPClient, str]] = {}

    @task
    def open_loop(self) -> None:
        """Send the run, and be done."""
        self.play()
        raise StopUser

    def play(self) -> None:
        """Send the run."""
        self.replay.run(self._send, self._report)

    def on_stop(self) -> None:
        """Close the connections: a run begins with none, whatever ran before."""
        for client, _ in self._clients.values():
            client.close()

    def _client(self, entry: str) -> tuple[HTTPClient, str]:
        """The client of an entry, and what its paths begin with: nothing, but where a relay leads there."""
        if entry not in self._clients:
            address, slash, path = entry.partition("/")
            host, _, port = address.rpartition(":")
            client = HTTPClient(
                host,
                int(port),
                headers=HEADERS,
                # a pool smaller than the replay's would queue in silence
                concurrency=self.replay.capacity,
                connection_timeout=self.replay.timeout_s,
                network_timeout=self.replay.timeout_s,
            )
            self._clients[entry] = client, f"{slash}{path}"
        return self._clients[entry]

    def _send(self, entry: str, body: bytes, request_id: str) -> Answer:
        # the one deadline that covers connecting, sending and reading together
        try:
            with Timeout(self.replay.timeout_s):
                (client, before), headers = self._client(entry), {"x-request-id": request_id}
                if body == NO_BODY:
                    response = client.request("GET", before + DASHBOARD, headers=headers)
                else:
                    response = client.request("POST", before + PATH, body, headers)
                response.read()
        except (Exception, Timeout) as error:  # whatever it is, an arrival without a row would be a lie
            return Answer(None, error)
        return Answer(response.status_code, None, response.get(STALE) is not None)

    def _report(self, row: Row, error: BaseException | None) -> None:
        failure: Exception | None = None
        if row.outcome is Outcome.DROPPED:
            failure = NotSentError(f"dropped: {self.replay.capacity} requests in flight already")
        elif row.outcome is not Outcome.SUCCESS:
            failure = FailedError(f"{row.outcome}: {row.status or type(error).__name__}")
        latency = row.latency_s
        method, path = ("GET", DASHBOARD) if self.replay.what == "dashboards" else ("POST", PATH)
        events: Any = self.environment.events  # without types in locust
        events.request.fire(
            request_type=method,
            name=path,
            response_time=None if latency is None else latency * 1000,
            response_length=0,
            exception=failure,
            context={},
        )
