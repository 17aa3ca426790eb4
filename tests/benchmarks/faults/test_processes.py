"""Faults on processes, in a small real world: they act, they are proven, and they are gone."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from benchmarks.faults import Fault, Victim, injected
from benchmarks.faults.frozen import Frozen
from benchmarks.faults.killed import Killed
from benchmarks.faults.stale_discovery import Stale
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.target import TargetError
from tests.k8s.tiny import deployment, rendered, service


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LocalWorld]:
    made = await LocalTarget(tmp_path).up(
        "small", rendered(deployment("front", 2), service("front")), attached=True, seed=1
    )
    yield made
    await made.down()


async def victim(world: LocalWorld) -> Victim:
    pod = (await world.status()).pods[0]
    return Victim(pod.name, pod.app, pod.admin)


def clock() -> float:
    return asyncio.get_running_loop().time()


async def frozen(world: LocalWorld, ttl_s: float = 30) -> Frozen:
    return Frozen(world, [await victim(world)], "app", ttl_s, clock)


async def stands_still(world: LocalWorld) -> bool:
    return any(pod.frozen for pod in (await world.status()).pods)


async def test_a_frozen_process_stands_still_while_its_block_lasts_and_answers_after_it(world: LocalWorld) -> None:
    fault, address = await frozen(world), (await victim(world)).app
    async with aiohttp.ClientSession() as http:
        async with injected(fault):
            assert [pod.frozen for pod in (await world.status()).pods] == [("app",), ()]
            with pytest.raises(TimeoutError):
                await http.get(f"http://{address}/livez", timeout=aiohttp.ClientTimeout(total=0.2))
        assert (await http.get(f"http://{address}/livez")).status == 200
    assert (await fault.proof()).objections() == []


async def test_a_freeze_ends_by_itself_when_nobody_comes(world: LocalWorld) -> None:
    await (await frozen(world, ttl_s=0.2)).inject()
    assert await stands_still(world)
    async with asyncio.timeout(10):
        while await stands_still(world):
            pass


async def test_a_killed_process_is_proven_by_its_restart(world: LocalWorld) -> None:
    fault = Killed(world, [await victim(world)], 0.1, clock)
    async with injected(fault):
        pass
    proof = await fault.proof()
    assert (proof.fired, proof.gone) == ({"front-0": 1}, {"front-0": True})


async def test_a_look_finds_the_pods_that_are_there(world: LocalWorld) -> None:
    await world.freeze("front-1")
    assert [(pod.name, pod.frozen) for pod in await world.look(["front-1", "back-0"])] == [("front-1", ("app",))]


async def test_what_cannot_be_frozen_is_named(world: LocalWorld) -> None:
    with pytest.raises(TargetError, match="pod front-0 has no container 'proxy'; choose from: app"):
        await Frozen(world, [await victim(world)], "proxy", 1, clock).inject()


async def test_two_hundred_freezes_cancelled_at_random_points_leave_nobody_standing(world: LocalWorld) -> None:
    rng = random.Random(7)
    target = await victim(world)

    async def hold(fault: Fault) -> None:
        async with injected(fault):
            await asyncio.Event().wait()

    began = clock()
    await Frozen(world, [target], "app", 30, clock).inject()
    usual_s = clock() - began
    await world.thaw(target.pod)
    stood = 0
    for _ in range(200):
        fault = Frozen(world, [target], "app", 30, clock)
        task = asyncio.create_task(hold(fault))
        await asyncio.sleep(rng.uniform(0, 2 * usual_s))
        task.cancel()
        await asyncio.wait([task])
        stood += sum(fault.stood.values())
        assert not await stands_still(world)
    assert 0 < stood < 200, "the cancellations did not fall before and after the injection"


async def test_a_stale_discovery_names_the_dead_until_it_is_over(world: LocalWorld) -> None:
    def named() -> int:
        told = json.loads((world.directory / "pods" / "front-1" / "discovery.json").read_text())
        return len(told["services"]["front:8080"])

    fault = Stale(world, Killed(world, [await victim(world)], 0.3, clock), 30)
    async with injected(fault):
        async with asyncio.timeout(10):
            while (await world.status()).ready:
                pass
        assert named() == 2
        assert (await world.status()).ailing == ("stale-discovery",)
    proof = await fault.proof()
    assert (proof.objections(), proof.fired) == ([], {"front-0": 1})
    assert named() == 2


async def test_discovery_is_told_again_by_itself_when_nobody_comes(world: LocalWorld) -> None:
    await world.hold_discovery(0.5)
    await world.kill("front-0", ttl_s=1.5)

    def named() -> int:
        told = json.loads((world.directory / "pods" / "front-1" / "discovery.json").read_text())
        return len(told["services"]["front:8080"])

    assert named() == 2
    async with asyncio.timeout(10):
        while named() != 1:
            await world.status()
