"""Actions on a small real world: begun, proven, and over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from benchmarks.actions.apply import Applied, Apply
from benchmarks.actions.rolling_restart import Rolled
from benchmarks.actions.scale import Scale, Scaled, replicas
from benchmarks.faults import Service, Victim, injected
from benchmarks.settings import told
from k8s.local.client import LocalWorld
from k8s.local.record import processes
from k8s.local.target import LocalTarget
from k8s.target import World
from tests.k8s.tiny import deployment, rendered, service

NAME: Service = "alerts"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LocalWorld]:
    small = rendered(deployment(NAME, 2), service(NAME))
    made = await LocalTarget(tmp_path).up("small", small, attached=True, seed=1)
    yield made
    await made.down()


def variables(world: LocalWorld, name: str) -> list[str | None]:
    """What the running pods' processes were told under a name."""
    found = [psutil.Process(one.pid) for one in processes(world.directory) if one.find()]
    return [one.environ().get(name) for one in found if "PORT" in one.environ()]


async def test_a_rolling_restart_renews_each_replica_while_the_others_are_ready(world: LocalWorld) -> None:
    victims = [Victim(pod.name, pod.app, pod.admin) for pod in (await world.status()).pods]
    kept: list[str] = []
    ready: set[int] = set()
    over = asyncio.Event()

    async def keep(pods: Sequence[str]) -> None:
        kept.extend(pods)

    async def watch() -> None:
        while not over.is_set():
            ready.add(sum(pod.ready for pod in (await world.status()).pods))

    watching = asyncio.create_task(watch())
    rolled = Rolled(world, victims, keep)
    async with injected(rolled):
        over.set()
    await watching
    proof = await rolled.proof()
    assert (proof.objections("action"), proof.fired) == ([], {"alerts-0": 1, "alerts-1": 1})
    assert kept == ["alerts-0", "alerts-1"]
    assert ready == {1, 2}


async def test_scaling_out_is_proven_by_the_replicas_that_came_and_the_world_is_left_as_it_was(
    world: LocalWorld,
) -> None:
    spec = Scale(kind="scale", service=NAME, before=1, after=3)
    async with spec.prepared(world):
        assert await replicas(world, NAME) == {"alerts-0": True}
        scaled = Scaled(world, NAME, spec.after)
        async with injected(scaled):
            pass
        proof = await scaled.proof()
        assert (proof.objections(), sorted(proof.fired)) == ([], ["alerts-1", "alerts-2"])
    assert len(await replicas(world, NAME)) == 2


def test_scaling_to_fewer_is_refused() -> None:
    assert list(Scale(kind="scale", service=NAME, before=3, after=2).problems(3)) == ["after: above `before`, 3"]


async def test_settings_are_told_for_a_while_and_then_no_more(world: LocalWorld) -> None:
    async with told(world, {NAME: {"WORKERS": "3"}}, 60):
        assert variables(world, "WORKERS") == ["3", "3"]
        assert (await world.status()).ready
    assert variables(world, "WORKERS") == [None, None]


async def test_settings_end_by_themselves_when_nobody_comes(world: LocalWorld) -> None:
    await world.restart("alerts-0", {"WORKERS": "3"}, ttl_s=0.1)
    async with asyncio.timeout(15):
        while [pod.restarts for pod in (await world.status()).pods] != [2, 0] or not (await world.status()).ready:
            pass
    assert variables(world, "WORKERS") == [None, None]


def rule(host: str, seconds: int) -> dict[str, Any]:
    metadata = {"name": host, "namespace": "airport"}
    http = [{"route": [{"destination": {"host": host}}], "timeout": f"{seconds}s"}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata,
        "spec": {"hosts": [host], "http": http},
    }


class Objects:
    """The part of a world that holds Istio objects."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.objects = {one["metadata"]["name"]: one for one in objects}

    async def get(self) -> list[Mapping[str, Any]]:
        return list(self.objects.values())

    async def apply(self, objects: Sequence[dict[str, Any]]) -> None:
        self.objects |= {one["metadata"]["name"]: one for one in objects}

    async def delete(self, objects: Sequence[dict[str, Any]]) -> None:
        for one in objects:
            del self.objects[one["metadata"]["name"]]


async def test_applied_objects_are_taken_back_the_replaced_and_the_new() -> None:
    before = rule("alerts", 1)
    world = Objects(before)
    applied = Applied(cast(World, world), [rule("alerts", 2), rule("momentum", 3)])
    async with injected(applied):
        assert world.objects == {"alerts": rule("alerts", 2), "momentum": rule("momentum", 3)}
    assert world.objects == {"alerts": before}
    assert (await applied.proof()).objections() == []


def test_objects_that_istiod_would_refuse_are_refused_where_they_are_written() -> None:
    wrong = rule("alerts", 1)
    wrong["spec"]["http"][0]["patience"] = "long"
    (problem,) = Apply(kind="apply", service=NAME, objects=(wrong,)).problems(3)
    assert problem.startswith("objects: ")
    assert "patience" in problem
