"""Who gets a call: the engine's balancers against the real Envoy's.

Envoy's draws cannot be seeded, so shares are held against what the balancer's definition makes of them, on both sides,
in an interval that a right balancer leaves once in a million runs.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio import library
from resilience_lib import Address, EndpointPipeline, EndpointPolicy, Outcome
from tests.istio.world import objects
from tests.resilience_lib.both_sides import PODS, Envoy, istio_objects, policy_of
from tests.resilience_lib.scripts import TOTAL, share
from tests.resilience_lib.world import now, run, settle

CALLEE = "image-analysis"
REPLICAS = tuple(PODS[CALLEE])
BUSY = REPLICAS[0]
NO_RETRIES = "retries: {attempts: 0}, "
CALLS = 2 * max(TOTAL, 300)
ONCE_IN_A_MILLION = 4.9  # standard deviations, on both sides of the mean


def envoy_spreads(envoy: Envoy, text: str, busy_with: int = 0) -> Counter[str]:
    """Count who meets calls one after the other, while one replica is busy with some that it does not answer."""

    async def main() -> Counter[str]:
        await envoy.apply(text, {BUSY: ["hold"] * busy_with})
        busy = envoy.replicas[BUSY]
        held = []
        while len(busy.held) < busy_with:
            held.append(asyncio.create_task(envoy.mesh.get(CALLEE)))
            seen = len(envoy.met)
            while len(envoy.met) == seen:  # noqa: ASYNC110 - a replica notes whom it met, and tells nobody
                await asyncio.sleep(0)
        envoy.met.clear()
        for _ in range(CALLS):
            await envoy.mesh.get(CALLEE)
        met = Counter(envoy.met)
        for one in busy.held:
            one.answer.set_result(200)
        await asyncio.gather(*held)
        return met

    return envoy.runner.run(main())


def engine_spreads(policy: EndpointPolicy, busy_with: int = 0) -> Counter[str]:
    """Count the same for the engine."""

    async def main() -> Counter[str]:
        pipeline = EndpointPipeline(policy, [(name, 8080) for name in REPLICAS], clock=now, rng=Random(7))
        met: list[str] = []
        hold = [asyncio.get_running_loop().create_future() for _ in range(busy_with)]
        free = [*hold]

        async def one_try(address: Address) -> Outcome[Any]:
            met.append(address[0])
            if address[0] == BUSY and free:
                await free.pop()
            return Outcome(200)

        held = []
        while free:
            held.append(asyncio.create_task(pipeline.call(one_try)))
            await settle()
        met.clear()
        for _ in range(CALLS):
            await pipeline.call(one_try)
        for one in hold:
            one.set_result(None)
        await asyncio.gather(*held)
        return Counter(met)

    return run(main)


def has_shares(met: Counter[str], shares: Sequence[float]) -> None:
    assert met.total() == CALLS
    for name, share_ in zip(REPLICAS, shares, strict=True):
        allowed = ONCE_IN_A_MILLION * math.sqrt(CALLS * share_ * (1 - share_))
        assert abs(met[name] - CALLS * share_) <= allowed, met


@pytest.mark.parametrize(
    ("simple", "busy_with", "shares"),
    [
        ("RANDOM", 0, (1 / 3, 1 / 3, 1 / 3)),
        ("RANDOM", 2, (1 / 3, 1 / 3, 1 / 3)),
        ("LEAST_REQUEST", 0, (1 / 3, 1 / 3, 1 / 3)),
        # a busy replica is taken only when both draws fall on it
        ("LEAST_REQUEST", 2, (1 / 9, 4 / 9, 4 / 9)),
    ],
)
def test_the_shares_are_envoys(envoy: Envoy, simple: str, busy_with: int, shares: tuple[float, ...]) -> None:
    text = istio_objects(CALLEE, NO_RETRIES, "", f"simple: {simple}")
    has_shares(envoy_spreads(envoy, text, busy_with), shares)
    has_shares(engine_spreads(policy_of(text, CALLEE), busy_with), shares)


RING = istio_objects(CALLEE, NO_RETRIES, "", "consistentHash: {httpHeaderName: x-user}")
keys = st.lists(st.from_regex(r"\A[a-z0-9]{1,12}\Z"), min_size=3, max_size=6, unique=True)


def envoys_owners(envoy: Envoy, calls: Sequence[str]) -> list[str]:
    async def main() -> list[str]:
        await envoy.apply(RING, {})
        envoy.met.clear()
        for key in calls:
            await envoy.mesh.get(CALLEE, headers={"x-user": key})
        return [*envoy.met]

    return envoy.runner.run(main())


def engines_owners(calls: Sequence[str]) -> list[str]:
    policies, left = library.endpoint_policies(objects(RING), [CALLEE])
    assert {one.path for one in left} == {"spec.trafficPolicy.loadBalancer.consistentHash"}

    async def main() -> list[str]:
        met: list[str] = []

        async def one_try(address: Address) -> Outcome[Any]:
            met.append(address[0])
            return Outcome(200)

        pipeline = EndpointPipeline(policies[CALLEE], [(name, 8080) for name in REPLICAS], clock=now, rng=Random(7))
        for key in calls:
            await pipeline.call(one_try, key)
        return met

    return run(main)


@share(3)
@given(keys, st.randoms(use_true_random=False))
def test_on_a_ring_a_key_always_meets_the_same_replica(envoy: Envoy, chosen: list[str], order: Any) -> None:
    calls = [*chosen, *chosen, *chosen]
    order.shuffle(calls)
    for met in (envoys_owners(envoy, calls), engines_owners(calls)):
        owners = {key: {who for each, who in zip(calls, met, strict=True) if each == key} for key in chosen}
        assert all(len(one) == 1 for one in owners.values())


def test_on_a_ring_every_replica_has_its_share_of_the_keys(envoy: Envoy) -> None:
    calls = [f"user-{number}" for number in range(CALLS)]
    entries = 1024
    # of a share on a random ring (a beta distribution), and of the keys that fall to it
    allowed = ONCE_IN_A_MILLION * math.sqrt(2 / 9 * (1 / (entries + 1) + 1 / CALLS))
    for met in (envoys_owners(envoy, calls), engines_owners(calls)):
        shares = Counter(met)
        assert all(abs(shares[name] / CALLS - 1 / 3) <= allowed for name in REPLICAS), shares
