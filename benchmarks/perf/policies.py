"""What the policies of a call cost without a network.

Every case awaits the same coroutine; its time is told in microseconds, and as a ratio to the naive stack (tenacity's
decorator around pybreaker's `calling()` around two asyncio timeouts) of the same run. The ratios are what carries from
one machine to another. `library` is tenacity and pybreaker with the traps avoided; `full-stack` is the engine with
everything: retry, budget, both timeouts, limits, and ejection among three replicas.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.perf.stacks import Case, by_aiobreaker, by_hyx, by_stamina, naive, no_sleep
from resilience_lib import (
    Address,
    BreakerPolicy,
    BudgetPolicy,
    EdgePolicy,
    EndpointPipeline,
    EndpointPolicy,
    Event,
    LimitsPolicy,
    Listener,
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
EVERYTHING = EdgePolicy(RETRY, TIMEOUT, BREAKER, LIMITS)
EVERYTHING_AT_REPLICAS = EndpointPolicy.of(EVERYTHING, OUTLIER, budget=BUDGET)
REPLICAS: list[Address] = [("10.0.0.1", 8080), ("10.0.0.2", 8080), ("10.0.0.3", 8080)]
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Measured:
    """One stack on calls of one `ending`; `calls` of them are one round."""

    name: str
    ending: str
    offers: str
    call: Case
    calls: int


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one case; see `measure`."""

    name: str
    microseconds: float
    ratio_to_naive: float
    spread: tuple[float, float]
    offers: str
    rounds: int


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


def under(policy: EdgePolicy, attempt: Case, listener: Listener | None = None) -> Case:
    """Put `attempt` behind a pipeline."""
    pipeline = Pipeline(policy, sleep=no_sleep, listener=listener)
    return lambda: pipeline.call(attempt)


def at_replicas(policy: EndpointPolicy, attempt: Case, listener: Listener | None = None) -> Case:
    """Put `attempt` behind the engine, which chooses among three replicas."""
    pipeline = EndpointPipeline(policy, REPLICAS, sleep=no_sleep, listener=listener)
    return lambda: pipeline.call(lambda _: attempt())


def heard(_: Event) -> None:
    """Listen, and do nothing with it."""


def cases() -> list[Measured]:
    """Every stack, on a call that succeeds and on one that needs one retry."""
    full, engine = EVERYTHING, EVERYTHING_AT_REPLICAS
    everything = "retry, breaker, limits, both timeouts"

    def of(ending: str, attempt: Callable[[], Case], calls: int) -> list[Measured]:
        made = [
            ("naive", "retry, breaker, both timeouts", naive(attempt(), RETRY, TIMEOUT, BREAKER)),
            ("stamina", "retry, overall time limit between tries", by_stamina(attempt(), RETRY)),
            ("hyx", "retry, breaker, both timeouts", by_hyx(attempt(), RETRY, TIMEOUT, BREAKER)),
            ("library", everything, under(full, attempt())),
            ("full-stack", f"{everything}, budget, balancing and ejection", at_replicas(engine, attempt())),
            ("full-stack-heard", "the same, and a listener", at_replicas(engine, attempt(), heard)),
            ("library-retry", "retry", under(EdgePolicy(retry=RETRY), attempt())),
        ]
        return [Measured(f"{what}-{ending}", ending, offers, case, calls) for what, offers, case in made]

    alone = [
        ("bare", "nothing", succeed),
        ("aiobreaker", "breaker", by_aiobreaker(succeed, BREAKER)),
        ("library-breaker", "breaker", under(EdgePolicy(breaker=BREAKER), succeed)),
        ("library-limits", "limits", under(EdgePolicy(limits=LIMITS), succeed)),
        ("library-timeout", "both timeouts", under(EdgePolicy(timeout=TIMEOUT), succeed)),
        ("replicas", "balancing", at_replicas(EndpointPolicy(), succeed)),
    ]
    return [
        *(Measured(f"{what}-success", "success", offers, case, 2000) for what, offers, case in alone),
        *of("success", lambda: succeed, 1000),
        *of("one-retry", fail_once, 400),
    ]


async def measure(rounds: int = ROUNDS, *, calls: float = 1.0) -> list[Row]:
    """Measure every case in turn, `rounds` times over, so that what slows the machine for a while slows all of them.

    `microseconds` is the median of a case; `ratio_to_naive` the median of the ratios to the naive stack's call with the
    same ending in the same round, and `spread` their lowest and highest. `calls` multiplies the calls of a round.
    """
    measured = cases()
    times: dict[str, list[float]] = {case.name: [] for case in measured}
    for _ in range(rounds):
        for case in measured:
            times[case.name].append(await _microseconds(case.call, max(1, int(case.calls * calls))))
    rows: list[Row] = []
    for case in measured:
        ratios = [own / other for own, other in zip(times[case.name], times[f"naive-{case.ending}"], strict=True)]
        rows.append(
            Row(
                name=case.name,
                microseconds=statistics.median(times[case.name]),
                ratio_to_naive=statistics.median(ratios),
                spread=(min(ratios), max(ratios)),
                offers=case.offers,
                rounds=rounds,
            )
        )
    return rows


async def _microseconds(call: Case, calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        await call()
    return (time.perf_counter() - started) / calls * 1e6
