"""Choosing victims, and removing a fault however its block ends."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.faults import Proof, Victim, injected, victims

PODS = [Victim(f"image-analysis-{i}", f"127.0.0.1:{20000 + i}", f"127.0.0.1:{20100 + i}") for i in range(3)]


@given(st.integers(0, 2**31), st.permutations(PODS))
def test_a_seed_names_the_same_victim_in_whatever_order_the_pods_are_listed(seed: int, pods: list[Victim]) -> None:
    assert victims(pods, 1, seed) == victims(PODS, 1, seed)


def test_every_replica_can_be_the_victim() -> None:
    assert {victims(PODS, 1, seed)[0] for seed in range(60)} == set(PODS)


def test_all_hits_all() -> None:
    assert victims(PODS, "all", 0) == PODS


def test_more_victims_than_replicas_are_refused() -> None:
    with pytest.raises(ValueError, match=r"fault.replicas: 4, but the service has 3"):
        victims(PODS, 4, 0)


def test_a_proof_objects_to_a_pod_where_nothing_fired_and_to_one_that_still_has_it() -> None:
    proof = Proof(fired={"a": 3, "b": 0}, gone={"a": False, "b": True})
    assert proof.objections() == ["fault not proven to fire on b", "fault not proven gone from a"]


def test_a_proof_that_names_nobody_is_an_objection() -> None:
    assert Proof(fired={}, gone={}).objections() == ["fault not proven to fire: it had no victim"]
    assert Proof(fired={"a": 1}, gone={}).objections("action") == ["action not proven gone: no victim tells"]


class Held:
    """A fault that remembers whether it is held; removing it takes a moment."""

    def __init__(self) -> None:
        self.held = False

    async def inject(self) -> None:
        self.held = True
        await asyncio.sleep(0)

    async def remove(self) -> None:
        await asyncio.sleep(0)
        self.held = False

    async def proof(self) -> Proof:
        return Proof({}, {})


async def test_a_fault_is_removed_when_its_block_ends() -> None:
    fault = Held()
    async with injected(fault):
        assert fault.held
    assert not fault.held


async def test_a_fault_is_removed_when_its_block_raises() -> None:
    fault = Held()
    with pytest.raises(RuntimeError, match="boom"):
        async with injected(fault):
            raise RuntimeError("boom")
    assert not fault.held


@pytest.mark.parametrize("steps", range(6))
async def test_a_fault_is_removed_wherever_the_task_is_cancelled(steps: int) -> None:
    fault = Held()

    async def hold() -> None:
        async with injected(fault):
            await asyncio.sleep(0)

    task = asyncio.create_task(hold())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not fault.held
