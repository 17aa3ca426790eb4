"""Layers in a wrong order are refused, with the reason."""

import time
from collections.abc import Callable
from random import Random

import pytest

from resilience_lib import EndpointSet, FallbackPolicy, HedgePolicy, OrderError, RetryPolicy
from resilience_lib.breaker import Breaker
from resilience_lib.fallback import Fallback
from resilience_lib.hedge import Hedge
from resilience_lib.host_choice import HostChoice
from resilience_lib.layer import Layer
from resilience_lib.limits import ConnectionLimit, RetryPermits
from resilience_lib.retries import Retries
from resilience_lib.retry import Retry, full_jitter
from resilience_lib.timeout import TimeLimit
from tests.resilience_lib.world import run


async def no_sleep(_: float) -> None:
    """Take no time."""


def a_try() -> Layer:
    return TimeLimit(1.0, clock=time.monotonic, listener=None)


def limits(inner: Layer) -> Layer:
    return ConnectionLimit(inner, 1, None, clock=time.monotonic, listener=None)


def breaker(inner: Layer) -> Layer:
    return Breaker(inner, 1, 1.0, clock=time.monotonic, listener=None)


def hosts(inner: Layer) -> Layer:
    return HostChoice(inner, EndpointSet([]))


def by_tenacity(inner: Layer) -> Layer:
    wait, permits = full_jitter(1.0, 1.0, Random(1)), RetryPermits(None)
    return Retry(inner, 1, lambda _: True, wait, permits, clock=time.monotonic, sleep=no_sleep, listener=None)


def by_the_engine(inner: Layer) -> Layer:
    policy, permits = RetryPolicy(), RetryPermits(None)
    return Retries(inner, policy, permits, rng=Random(1), clock=time.monotonic, sleep=no_sleep, listener=None)


def hedge(inner: Layer) -> Layer:
    return Hedge(inner, HedgePolicy(), listener=None)


def fallback(inner: Layer) -> Layer:
    return Fallback(inner, FallbackPolicy(), clock=time.monotonic, listener=None)


Around = Callable[[Layer], Layer]
RETRIES, ADMISSIONS = (by_tenacity, by_the_engine), (breaker, hosts)


@pytest.mark.parametrize("retry", RETRIES)
@pytest.mark.parametrize("admission", ADMISSIONS)
def test_the_right_order_is_accepted_with_layers_left_out_too(retry: Around, admission: Around) -> None:
    async def main() -> None:
        for layer in (
            fallback(retry(hedge(admission(limits(a_try()))))),
            retry(limits(a_try())),
            admission(a_try()),
            retry(a_try()),
        ):
            assert layer

    run(main)


@pytest.mark.parametrize(
    ("outer", "inner", "why"),
    [
        *((outer, inner, "each try must be admitted anew") for outer in (*ADMISSIONS, limits) for inner in RETRIES),
        *((limits, inner, "must cost no slot") for inner in ADMISSIONS),
        *((outer, inner, "multiply the tries") for outer in RETRIES for inner in RETRIES),
        *((outer, inner, "one judge") for outer in ADMISSIONS for inner in ADMISSIONS),
        (limits, limits, "would hold the outer one"),
        *((outer, hedge, "must be admitted anew, and go to another") for outer in (*ADMISSIONS, limits)),
        (hedge, hedge, "multiply the tries"),
        *((hedge, inner, "each try must be admitted anew") for inner in RETRIES),
        *((outer, fallback, "failed for good") for outer in (*RETRIES, hedge, *ADMISSIONS, limits)),
        (fallback, fallback, "what the inner one made up"),
    ],
)
def test_a_wrong_order_is_refused_with_the_reason(outer: Around, inner: Around, why: str) -> None:
    async def main() -> None:
        right = inner(a_try())
        with pytest.raises(OrderError, match=why):
            outer(right)

    run(main)


def test_the_refusal_names_the_layers_and_the_right_order() -> None:
    with pytest.raises(OrderError) as caught:
        breaker(by_the_engine(a_try()))
    assert str(caught.value) == (
        "breaker or host choice around retry: retry must be outside; each try must be admitted anew and count there by "
        "itself, and a pause must hold no slot. From the outside in: fallback, retry, hedge, breaker or host "
        "choice, limits, per-try timeout"
    )
