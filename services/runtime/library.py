"""The shared transport behind a resilience pipeline of its own for each callee."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar

from resilience_lib import EdgePolicy, Event, Flag, Outcome, Pipeline, PolicyError, parse_retry_after, time_left
from services.runtime.clients import EdgeClient, Recorder, Reply, Request
from services.runtime.context import deadline
from services.runtime.plain import Answer, Transport
from services.runtime.settings import BadSettings, Settings

Policy = TypeVar("Policy")


class LibraryClient(EdgeClient):
    """Calls one service under its policy."""

    def __init__(
        self, callee: str, recorder: Recorder, transport: Transport, policy: EdgePolicy, pod: str, seed: int
    ) -> None:
        super().__init__(callee, recorder)
        self._transport = transport
        self._policy = policy
        self._pod = pod
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Start again with a closed breaker, free slots, and back-offs drawn from `seed`."""
        rng = Random(f"{seed}/{self._pod}/{self.callee}")
        self._pipeline = Pipeline(self._policy, listener=self._heard, rng=rng)

    async def _call(self, request: Request) -> Reply:
        attempt = partial(self._attempt, request)
        return reply_of(await self._pipeline.call(attempt, question=request.question, deadline=deadline()))

    async def _attempt(self, request: Request) -> Outcome[bytes]:
        return outcome_of(await self._transport.send(self.callee, request, timeout_s=time_left()))

    def _heard(self, event: Event) -> None:
        if event is not Event.ATTEMPT:  # the transport counts attempts itself, in every mode
            self._recorder.event(self.callee, event)


def outcome_of(answer: Answer) -> Outcome[bytes]:
    """What an attempt came to, as the library judges it."""
    if answer.flag is not None:
        return Outcome(answer.status, Flag(answer.flag), sent=answer.sent, final=answer.begun)
    asked = None if answer.retry_after is None else parse_retry_after(answer.retry_after, datetime.now(UTC))
    return Outcome(answer.status, value=answer.body, retry_after_s=asked)


def reply_of(outcome: Outcome[bytes]) -> Reply:
    """What business code is told of a call."""
    return Reply(outcome.status, outcome.value or b"", outcome.flag, outcome.attempts, outcome.age_s)


def maker(settings: Settings, recorder: Recorder, transport: Transport) -> Callable[[str], EdgeClient]:
    """Return what makes the client of a callee; a callee that POLICIES_FILE does not name has no policy.

    Raises BadSettings with every error in POLICIES_FILE at once.
    """
    if settings.policies_file is None:
        raise BadSettings(["POLICIES_FILE: must be set when RESILIENCE_MODE=library"])
    policies = read_policies(settings.policies_file, EdgePolicy.from_json)
    none = EdgePolicy()

    def make(callee: str) -> EdgeClient:
        policy = policies.get(callee, none)
        return LibraryClient(callee, recorder, transport, policy, settings.pod_name, settings.seed)

    return make


def read_policies(path: Path, read: Callable[[object], Policy]) -> dict[str, Policy]:
    """Read `{"<callee>": {...policy.to_json()...}}`; raises BadSettings with every error at once."""
    where = f"POLICIES_FILE={str(path)!r}"
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadSettings([f"{where}: must be a file with JSON: {error}"]) from error
    if not isinstance(data, dict):
        raise BadSettings([f"{where}: must be an object of policies by callee"])
    policies: dict[str, Policy] = {}
    errors: list[str] = []
    for callee, part in data.items():
        try:
            policies[callee] = read(part)
        except PolicyError as error:
            errors += [f"{where}: {callee}.{sentence}" for sentence in error.errors]
    if errors:
        raise BadSettings(errors)
    return policies
