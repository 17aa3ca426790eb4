"""The policies as a middleware of aiohttp's client, which is its own way to be extended.

    async with aiohttp.ClientSession(middlewares=(Resilience(EdgePolicy(retry=RetryPolicy(2, "5xx"))),)) as session:
        async with session.get("http://alerts:8080/") as response:
            ...

The rest of the library knows no HTTP client, and does not import this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import aiohttp

from resilience_lib.outcome import Flag, Outcome
from resilience_lib.pipeline import Pipeline
from resilience_lib.policies import EdgePolicy
from resilience_lib.retry_after import parse_retry_after

NONE: Mapping[str, EdgePolicy] = MappingProxyType({})


class CallFailedError(aiohttp.ClientError):
    """A call came to no answer: `outcome` says to what; the cause is what aiohttp raised in the last try, if it did.

    Never one of the errors on which aiohttp sends an idempotent request again by itself: that would repeat the call
    with all its tries.
    """

    def __init__(self, outcome: Outcome[Any]) -> None:
        super().__init__(f"{outcome.status} {outcome.flag} after {outcome.attempts} tries")
        self.outcome = outcome


class CallTimedOutError(CallFailedError, TimeoutError):
    """A call came to no answer in time."""


class Resilience:
    """Makes every request of a session under `policy`, or under the one that `by_host` has for its host.

    Each host and port has a pipeline of its own, with its own breaker, slots and permits. An answer is returned
    whatever its status, as aiohttp does; what is no answer raises CallFailedError. The time limits cover a try up to
    the head of its answer: its body is read later, by the caller. A body that can be sent only once (a stream) is for
    requests without retries. `fallback` has no effect: an answer is read once. `others` go to each Pipeline.
    """

    def __init__(self, policy: EdgePolicy, by_host: Mapping[str, EdgePolicy] = NONE, **others: Any) -> None:
        self._policy = policy
        self._by_host = by_host
        self._others = others
        self._pipelines: dict[tuple[str, int], Pipeline] = {}

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Make one request."""
        answers: list[aiohttp.ClientResponse] = []
        errors: list[Exception] = []

        async def one_try() -> Outcome[aiohttp.ClientResponse]:
            errors.clear()
            try:
                answer = await handler(request)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                errors.append(error)
                return _lost(error)
            answers.append(answer)
            asked = answer.headers.get("retry-after")
            return Outcome(
                answer.status,
                value=answer,
                retry_after_s=None if asked is None else parse_retry_after(asked, datetime.now(UTC)),
            )

        kept: aiohttp.ClientResponse | None = None
        try:
            outcome = await self._pipeline(request).call(one_try)
            kept = outcome.value
        finally:
            for answer in answers:
                if answer is not kept:
                    answer.release()  # its connection is for the next try
        if kept is not None:
            return kept
        failed = CallTimedOutError if outcome.status == 504 else CallFailedError
        raise failed(outcome) from (errors[-1] if errors else None)

    def _pipeline(self, request: aiohttp.ClientRequest) -> Pipeline:
        host, port = request.url.host or "", request.url.port or 0
        pipeline = self._pipelines.get((host, port))
        if pipeline is None:
            policy = self._by_host.get(host, self._policy)
            pipeline = self._pipelines[host, port] = Pipeline(policy, **self._others)
        return pipeline


def _lost(error: Exception) -> Outcome[Any]:
    """What a try without an answer came to, in Envoy's words."""
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Outcome(503, Flag.CONNECT_FAILURE, sent=False)
        case TimeoutError():
            return Outcome(504, Flag.TIMEOUT)
        case aiohttp.ClientResponseError():
            return Outcome(502, Flag.PROTOCOL)
        case _:
            return Outcome(503, Flag.CLOSED)
