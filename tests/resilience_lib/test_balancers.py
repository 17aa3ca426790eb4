"""Which replica is next: shares, turns, and what moves on a ring."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lib.balancers import Balancer, balancer
from resilience_lib.endpoint import Endpoint
from resilience_lib.endpoint_policies import KINDS, BalancerPolicy


def replicas(count: int) -> list[Endpoint]:
    return [Endpoint(("10.0.0.1", port)) for port in range(8000, 8000 + count)]


def made(kind: str, seed: int = 1) -> Balancer:
    return balancer(BalancerPolicy(kind), Random(seed))


@given(st.sampled_from(sorted(KINDS)), st.integers(1, 9), st.integers(0, 5), st.none() | st.text(), st.integers())
def test_every_balancer_chooses_one_of_those_that_it_is_given(
    kind: str, count: int, attempt: int, key: str | None, seed: int
) -> None:
    some = replicas(count)
    assert made(kind, seed).choose(some, attempt, key) in some


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_same_seed_chooses_the_same_replicas(kind: str) -> None:
    some, one, other = replicas(5), made(kind, 7), made(kind, 7)
    assert [one.choose(some, 0, None) for _ in range(50)] == [other.choose(some, 0, None) for _ in range(50)]


@given(st.integers(1, 7), st.integers(1, 5), st.integers())
def test_round_robin_gives_each_replica_its_turn(count: int, rounds: int, seed: int) -> None:
    some, chooser = replicas(count), made("ROUND_ROBIN", seed)
    chosen = [chooser.choose(some, 0, None) for _ in range(count * rounds)]
    assert set(Counter(chosen).values()) == {rounds}
    assert chosen == chosen[:count] * rounds


def test_round_robin_does_not_begin_with_the_same_replica_everywhere() -> None:
    some = replicas(3)
    assert {made("ROUND_ROBIN", seed).choose(some, 0, None) for seed in range(30)} == {*some}


@pytest.mark.parametrize("kind", ["RANDOM", "LEAST_REQUEST"])
def test_idle_replicas_get_equal_shares(kind: str) -> None:
    some, chooser = replicas(4), made(kind)
    shares = Counter(chooser.choose(some, 0, None) for _ in range(4000))
    assert all(900 < shares[each] < 1100 for each in some)  # 1000, and 3.6 standard deviations of 27


def test_least_request_meets_the_busier_of_two_replicas_only_when_it_draws_it_twice() -> None:
    idle, busy = some = replicas(2)
    busy.active = 1
    chooser = made("LEAST_REQUEST")
    shares = Counter(chooser.choose(some, 0, None) for _ in range(4000))
    assert 890 < shares[busy] < 1110  # a quarter
    assert shares[idle] == 4000 - shares[busy]


keys = [f"frame-{number}" for number in range(2000)]


def test_a_key_stays_with_its_replica() -> None:
    some = replicas(3)
    first, second = made("RING_HASH", 1), made("RING_HASH", 2)
    assert [first.choose(some, 0, key) for key in keys] == [second.choose(some, 0, key) for key in keys]


def test_when_a_replica_goes_its_own_keys_move_and_most_others_stay() -> None:
    some, ring = replicas(4), made("RING_HASH")
    before = {key: ring.choose(some, 0, key) for key in keys}
    left = some[:3]
    others = [key for key in keys if before[key] is not some[3]]
    moved = [key for key in others if ring.choose(left, 0, key) is not before[key]]
    assert 1300 < len(others) < 1700  # three quarters, as even as 256 places on the ring for each can be
    assert len(moved) < 0.25 * len(others)  # a sixth is expected: 342 entries for 256, two in three of another owner
    assert len(moved) > 0


def test_a_larger_ring_spreads_keys_more_evenly() -> None:
    def unevenness(size: int) -> int:
        some, ring = replicas(4), balancer(BalancerPolicy("RING_HASH", size), Random(1))
        shares = Counter(ring.choose(some, 0, key) for key in keys)
        return max(shares.values()) - min(shares.values())

    assert unevenness(16384) < unevenness(8)


def test_asked_again_a_ring_goes_on_to_its_next_entries() -> None:
    some, ring = replicas(3), made("RING_HASH")
    assert {ring.choose(some, attempt, "frame-1") for attempt in range(12)} == {*some}


def test_calls_without_a_key_go_anywhere_on_the_ring() -> None:
    some, ring = replicas(3), made("RING_HASH")
    assert {ring.choose(some, 0, None) for _ in range(100)} == {*some}
