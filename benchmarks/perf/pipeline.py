"""What the policies of a call cost without a network: `python -m benchmarks.perf.pipeline`.

Every case awaits the same coroutine; its time is told in microseconds, and as a ratio to the bare await and to the
naive stack (tenacity's decorator around pybreaker's `calling()` around two asyncio timeouts) of the same run. The
ratios are what carries from one machine to another. `library` is tenacity and pybreaker with the traps avoided;
`full-stack` is the engine with everything: retry, budget, both timeouts, limits, and ejection among three replicas.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pybreaker
import tenacity

from resilience_lib import (
    Address,
    BreakerPolicy,
    BudgetPolicy,
    EdgePolicy,
    EndpointPipeline,
    EndpointPolicy,
    LimitsPolicy,
    Outcome,
    OutlierPolicy,
    Pipeline,
    RetryPolicy,
    TimeoutPolicy,
)

OK, BUSY = Outcome[Any](200), Outcome[Any](503)
RETRY, TIMEOUT = RetryPolicy(2, "5xx"), TimeoutPolicy(1.0, 5.0)
BREAKER, LIMITS = BreakerPolicy(1_000_000, 1.0), LimitsPolicy(100, 100, 20)
OUTLIER, BUDGET = OutlierPolicy(max_ejection_percent=0), BudgetPolicy()
REPLICAS: list[Address] = [("10.0.0.1", 8080), ("10.0.0.2", 8080), ("10.0.0.3", 8080)]
ROUNDS = 7

Case = Callable[[], Awaitable[Any]]


async def no_sleep(_: float) -> None:
    """Take no time: the pause of a retry is not what is measured."""


async def succeed() -> Outcome[Any]:
    """Answer at once."""
    return OK


def fail_once() -> Case:
    """Return a coroutine function that fails and succeeds in turn: one retry for each call."""
    failed = False

    async def attempt() -> Outcome[Any]:
        nonlocal failed
        failed = not failed
        return BUSY if failed else OK

    return attempt


def under(policy: EdgePolicy, attempt: Case) -> Case:
    """Put `attempt` behind a pipeline."""
    pipeline = Pipeline(policy, sleep=no_sleep)
    return lambda: pipeline.call(attempt)


def at_replicas(policy: EndpointPolicy, attempt: Case) -> Case:
    """Put `attempt` behind the engine, which chooses among three replicas."""
    pipeline = EndpointPipeline(policy, REPLICAS, sleep=no_sleep)
    return lambda: pipeline.call(lambda _: attempt())


class _FailedError(Exception):
    """How the naive stack tells a failure."""


def naive(attempt: Case) -> Case:
    """Return what the two libraries' front pages suggest, traps and all."""
    breaker = pybreaker.CircuitBreaker(fail_max=BREAKER.failures)

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(RETRY.attempts + 1),
        wait=tenacity.wait_random_exponential(multiplier=RETRY.backoff_s, max=RETRY.max_backoff_s),
        retry=tenacity.retry_if_exception_type(_FailedError),
        sleep=no_sleep,
    )
    async def tries() -> Outcome[Any]:
        with breaker.calling():
            async with asyncio.timeout(TIMEOUT.per_try_s):
                outcome: Outcome[Any] = await attempt()
            if outcome.status >= 500:
                raise _FailedError
            return outcome

    async def call() -> Outcome[Any]:
        async with asyncio.timeout(TIMEOUT.overall_s):
            outcome: Outcome[Any] = await tries()
            return outcome

    return call


async def microseconds(case: Case, calls: int) -> float:
    """Return the median, over rounds, of the time for one call."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(calls):
            await case()
        rounds.append((time.perf_counter() - started) / calls * 1e6)
    return statistics.median(rounds)


async def measure() -> list[dict[str, Any]]:
    """Return a row for each case: name, microseconds, ratio_to_bare, ratio_to_naive (of the same ending)."""
    full = EdgePolicy(RETRY, TIMEOUT, BREAKER, LIMITS)
    engine = EndpointPolicy.of(full, OUTLIER, budget=BUDGET)
    cases: list[tuple[str, str, Case, int]] = [
        ("success", "bare", succeed, 50_000),
        ("success", "naive", naive(succeed), 2_000),
        ("success", "no policy", under(EdgePolicy(), succeed), 20_000),
        ("success", "retry", under(EdgePolicy(retry=RETRY), succeed), 20_000),
        ("success", "breaker", under(EdgePolicy(breaker=BREAKER), succeed), 20_000),
        ("success", "limits", under(EdgePolicy(limits=LIMITS), succeed), 20_000),
        ("success", "timeout", under(EdgePolicy(timeout=TIMEOUT), succeed), 10_000),
        ("success", "retry+breaker", under(EdgePolicy(RETRY, breaker=BREAKER), succeed), 20_000),
        ("success", "library", under(full, succeed), 5_000),
        ("success", "replicas", at_replicas(EndpointPolicy(), succeed), 20_000),
        ("success", "full-stack", at_replicas(engine, succeed), 5_000),
        ("one-retry", "naive", naive(fail_once()), 1_000),
        ("one-retry", "retry", under(EdgePolicy(retry=RETRY), fail_once()), 1_000),
        ("one-retry", "library", under(full, fail_once()), 1_000),
        ("one-retry", "full-stack", at_replicas(engine, fail_once()), 2_000),
    ]
    times = {(ending, what): await microseconds(case, calls) for ending, what, case, calls in cases}
    bare = times["success", "bare"]
    return [
        {
            "name": f"{what}-{ending}",
            "microseconds": took,
            "ratio_to_bare": took / bare,
            "ratio_to_naive": took / times[ending, "naive"],
        }
        for (ending, what), took in times.items()
    ]


def main() -> None:
    """Print the rows."""
    for row in asyncio.run(measure()):
        print(  # noqa: T201 - a script; its output is its result
            f"{row['name']:24} {row['microseconds']:8.2f} us {row['ratio_to_bare']:8.1f} x bare "
            f"{row['ratio_to_naive']:7.3f} x naive"
        )


if __name__ == "__main__":
    main()
