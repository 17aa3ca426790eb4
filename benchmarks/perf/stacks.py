"""Other ways to call under policies, to measure ours against: the naive stack, and libraries that others use.

Each is built as its documentation shows. None pauses between tries: the pause is not what is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import aiobreaker  # type: ignore[import-untyped] # it ships no types
import pybreaker
import stamina
import tenacity
from hyx.circuitbreaker import consecutive_breaker
from hyx.retry import retry
from hyx.timeout import timeout
from stamina.instrumentation import set_on_retry_hooks

from resilience_lib import BreakerPolicy, Outcome, RetryPolicy, TimeoutPolicy

Case = Callable[[], Awaitable[Any]]


class FailedError(Exception):
    """How a stack that knows exceptions only tells a failure."""


async def no_sleep(_: float) -> None:
    """Take no time."""


def raising(attempt: Case) -> Case:
    """Turn a failed outcome into an exception, as these libraries want it."""

    async def call() -> Outcome[Any]:
        outcome: Outcome[Any] = await attempt()
        if outcome.status >= 500:
            raise FailedError
        return outcome

    return call


def naive(attempt: Case, tries: RetryPolicy, limits: TimeoutPolicy, breaker: BreakerPolicy) -> Case:
    """Return what the front pages of tenacity and pybreaker suggest, traps and all, with two asyncio timeouts."""
    circuit = pybreaker.CircuitBreaker(fail_max=breaker.failures)

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(tries.attempts + 1),
        wait=tenacity.wait_random_exponential(multiplier=tries.backoff_s, max=tries.max_backoff_s),
        retry=tenacity.retry_if_exception_type(FailedError),
        sleep=no_sleep,
    )
    async def tried() -> Outcome[Any]:
        with circuit.calling():
            async with asyncio.timeout(limits.per_try_s):
                outcome: Outcome[Any] = await attempt()
            if outcome.status >= 500:
                raise FailedError
            return outcome

    async def call() -> Outcome[Any]:
        async with asyncio.timeout(limits.overall_s):
            outcome: Outcome[Any] = await tried()
            return outcome

    return call


def by_stamina(attempt: Case, tries: RetryPolicy) -> Case:
    """Return stamina's retries; it has no breaker and no time limit for a try. It does not log them: nobody listens."""
    set_on_retry_hooks([])
    decorate = stamina.retry(on=FailedError, attempts=tries.attempts + 1, wait_initial=0, wait_jitter=0, wait_max=0)
    return decorate(raising(attempt))


def by_hyx(attempt: Case, tries: RetryPolicy, limits: TimeoutPolicy, breaker: BreakerPolicy) -> Case:
    """Return hyx's retry, breaker and time limit for each try; it has none for the whole call but another of those."""
    # its decorators ask for a type that no coroutine function has
    each, whole = (cast(Any, timeout(seconds or 1.0)) for seconds in (limits.per_try_s, limits.overall_s))
    circuit: Any = consecutive_breaker(exceptions=FailedError, failure_threshold=breaker.failures)
    again: Any = retry(on=FailedError, attempts=tries.attempts + 1, backoff=0.0)
    stack: Case = whole(again(circuit(each(raising(attempt)))))
    return stack


def by_aiobreaker(attempt: Case, breaker: BreakerPolicy) -> Case:
    """Return aiobreaker's breaker; it has nothing else."""
    circuit: Any = aiobreaker.CircuitBreaker(fail_max=breaker.failures)
    failing = raising(attempt)
    return lambda: circuit.call_async(failing)
