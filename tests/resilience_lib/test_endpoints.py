"""The set of replicas: who is in it, who may be called, and who has been tried."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lib.endpoint import Address, Endpoint
from resilience_lib.endpoint_policies import BalancerPolicy, OutlierPolicy
from resilience_lib.endpoints import EndpointSet
from tests.resilience_lib.world import BUSY, OK

TOUCHY = OutlierPolicy(consecutive_5xx=1, max_ejection_percent=100)


def addresses(count: int) -> list[Address]:
    return [("10.0.0.1", port) for port in range(count)]


def replicas(
    count: int, kind: str = "ROUND_ROBIN", outlier: OutlierPolicy | None = TOUCHY, **others: Any
) -> EndpointSet:
    return EndpointSet(
        addresses(count), BalancerPolicy(kind), outlier, **{"clock": lambda: 0.0, "rng": Random(1), **others}
    )


def picked(some: EndpointSet, tried: list[Endpoint] | None = None, key: str | None = None) -> Endpoint:
    endpoint = some.pick(tried or [], key)
    assert endpoint is not None
    return endpoint


def ports(some: EndpointSet, picks: int = 60) -> set[int]:
    return {picked(some).address[1] for _ in range(picks)}


def eject(some: EndpointSet, *which: int) -> None:
    while waiting := {*which} - {port for _, port in some.ejected}:
        endpoint = picked(some)
        some.report(endpoint, BUSY if endpoint.address[1] in waiting else OK)


def test_an_ejected_replica_is_not_picked() -> None:
    some = replicas(3)
    eject(some, 1)
    assert ports(some) == {0, 2}


def test_without_replicas_there_is_nothing_to_pick() -> None:
    assert replicas(0).pick() is None


def test_when_all_are_ejected_there_is_nothing_to_pick() -> None:
    some = replicas(2)
    eject(some, 0, 1)
    assert some.pick() is None


@pytest.mark.parametrize(("ejected", "panic"), [(1, False), (2, False), (3, True), (4, True)])
def test_when_too_few_are_left_ejections_are_disregarded(ejected: int, panic: bool) -> None:
    some = replicas(4, outlier=OutlierPolicy(consecutive_5xx=1, max_ejection_percent=100, min_health_percent=50))
    eject(some, *range(ejected))
    assert ports(some) == {*range(0 if panic else ejected, 4)}  # 50 % left is not under 50 %


@given(st.sampled_from(["ROUND_ROBIN", "RANDOM", "LEAST_REQUEST"]), st.integers())
def test_a_retry_nearly_always_meets_another_replica(kind: str, seed: int) -> None:
    some, again = replicas(3, kind, rng=Random(seed)), 0
    for _ in range(50):
        first = picked(some)
        again += picked(some, [first]) is first
    assert again <= 3  # drawn six times in a row: once in 729, as in Envoy


def test_a_retry_settles_for_a_tried_replica_when_there_is_no_other() -> None:
    some = replicas(1)
    first = picked(some)
    assert picked(some, [first]) is first


def test_on_a_ring_a_retry_stays_with_its_key() -> None:
    some = replicas(3, "RING_HASH")
    first = picked(some, key="frame-1")
    assert picked(some, [first], key="frame-1") is first


def test_a_key_moves_while_its_replica_is_ejected_and_comes_home_afterwards() -> None:
    now = 0.0
    some = replicas(3, "RING_HASH", clock=lambda: now)
    home = picked(some, key="frame-1")
    some.report(home, BUSY)
    assert picked(some, key="frame-1") is not home
    now = 30.0
    assert picked(some, key="frame-1") is home


def test_a_replica_that_stays_stays_ejected_and_one_that_comes_anew_is_not() -> None:
    some = replicas(4)
    eject(some, 0, 1)
    some.update(addresses(2))
    assert [port for _, port in some.ejected] == [0, 1]
    some.update(addresses(4)[1:])
    some.update(addresses(4))
    assert [port for _, port in some.ejected] == [1]
    assert some.addresses == addresses(4)


def test_the_outcome_of_a_replica_that_has_gone_is_dropped() -> None:
    some = replicas(2)
    gone = picked(some)
    some.update([])
    some.report(gone, BUSY)
    some.update([gone.address])
    assert some.ejected == []


def test_without_outlier_detection_nobody_is_ejected() -> None:
    some = replicas(2, outlier=None)
    for _ in range(50):
        some.report(picked(some), BUSY)
    assert ports(some) == {0, 1}


def test_turns_in_a_panic_are_counted_apart_as_envoy_counts_them() -> None:
    now = 0.0
    outlier = OutlierPolicy(1, interval_s=1, base_ejection_s=1, max_ejection_percent=100, min_health_percent=100)
    some = replicas(2, outlier=outlier, clock=lambda: now)
    first = picked(some)
    some.report(first, BUSY)
    assert ports(some, 3) == {0, 1}
    now = 1.0
    assert picked(some) is not first  # whose turn it was before the panic
