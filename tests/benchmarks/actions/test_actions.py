"""Actions on a small real world: begun, proven, and over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest

from benchmarks.actions.apply import Applied, Apply
from benchmarks.actions.canary import Canary, Released
from benchmarks.actions.rolling_restart import Rolled
from benchmarks.actions.rollout import FILE, POLICIES, RolledOut, rewritten
from benchmarks.actions.scale import Scale, Scaled, replicas
from benchmarks.actions.split import NotSplit, shifted, split
from benchmarks.faults import Service, Site, Victim, injected
from benchmarks.faults.site import nothing_kept
from istio.objects import Document, parse
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


async def test_objects_are_applied_where_the_world_is() -> None:
    def elsewhere(one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "metadata": {**one["metadata"], "namespace": "goaround-bench-1-2-mesh"}}

    before = elsewhere(rule("alerts", 1))
    world = Objects(before)
    applied = Applied(cast(World, world), [rule("alerts", 2), rule("momentum", 3)])
    async with injected(applied):
        assert world.objects == {"alerts": elsewhere(rule("alerts", 2)), "momentum": elsewhere(rule("momentum", 3))}
    assert world.objects == {"alerts": before}
    assert (await applied.proof()).objections() == []


def test_objects_that_istiod_would_refuse_are_refused_where_they_are_written() -> None:
    wrong = rule("alerts", 1)
    wrong["spec"]["http"][0]["patience"] = "long"
    (problem,) = Apply(kind="apply", service=NAME, objects=(wrong,)).problems(3)
    assert problem.startswith("objects: ")
    assert "patience" in problem


OUT = Canary(kind="canary", service="image-analysis", old=3, new=1)


def routes(one: dict[str, Any]) -> dict[str, int]:
    """The weights of the only rule of a VirtualService, by subset."""
    return {to["destination"]["subset"]: to["weight"] for to in one["spec"]["http"][0]["route"]}


def test_a_canary_has_the_weight_of_its_share_of_the_replicas() -> None:
    assert (OUT.share, OUT.weights) == (0.25, {"v1": 75, "v2": 25})


def test_a_canary_without_a_second_version_or_a_whole_weight_is_refused() -> None:
    wrong = Canary(kind="canary", service="alerts", old=2, new=1)
    assert [problem.partition(":")[0] for problem in wrong.problems(3)] == ["service", "new"]
    assert list(OUT.problems(3)) == []


def test_a_split_keeps_what_the_objects_say_besides() -> None:
    there = rule("image-analysis", 2)
    policy = {"host": "image-analysis.airport.svc.cluster.local", "trafficPolicy": {"connectionPool": {}}}
    route, other = split([{**there, "kind": "DestinationRule", "spec": policy}, there], "image-analysis", OUT.weights)
    assert route["spec"]["http"][0]["timeout"] == "2s"
    assert routes(route) == {"v1": 75, "v2": 25}
    assert other["spec"]["trafficPolicy"] == {"connectionPool": {}}
    assert [one["labels"] for one in other["spec"]["subsets"]] == [{"version": "v1"}, {"version": "v2"}]


def test_a_split_where_nothing_is_said_is_of_objects_that_istiod_takes() -> None:
    route, other = split([], "image-analysis", OUT.weights)
    back = shifted(route, {"v1": 100, "v2": 0})
    assert routes(back) == {"v1": 100, "v2": 0}
    for version in (route, back):
        assert len(parse([Document(version), Document(other)]).to_data()) == 2


def test_what_is_split_already_is_not_split_again() -> None:
    route, other = split([], "image-analysis", OUT.weights)
    for there in ([route], [other]):
        with pytest.raises(NotSplit, match="image-analysis"):
            split(there, "image-analysis", OUT.weights)


async def test_without_a_mesh_a_canary_is_replicas_beside_the_others_and_its_rollback_is_that_they_go(
    tmp_path: Path,
) -> None:
    parts = [deployment("image-analysis", 2), deployment("image-analysis-v2", 0), service("image-analysis")]
    world = await LocalTarget(tmp_path).up("versions", rendered(*parts), attached=True, seed=1)
    kept: list[str] = []

    async def keep(pods: Sequence[str]) -> None:
        kept.extend(pods)

    try:
        spec = Canary(kind="canary", service="image-analysis", old=3, new=1)
        async with spec.prepared(world):
            pods = (await world.status()).pods
            new = [Victim(pod.name, pod.app, pod.admin) for pod in pods if pod.deployment == "image-analysis-v2"]
            assert (len(pods), len(new)) == (4, 1)
            out = Released(world, spec, new, keep)
            async with injected(out):
                assert (await out.proof()).gone == {"image-analysis-v2-0": False}
            assert (await out.proof()).objections() == []
            assert kept == ["image-analysis-v2-0"]
            assert len((await world.status()).pods) == 3
        assert len((await world.status()).pods) == 2
    finally:
        await world.down()


async def test_with_sidecars_a_rollback_applies_the_weights_and_is_proven_by_them() -> None:
    class Routed(Objects):
        mode = "mesh"

        async def status(self) -> Any:
            return SimpleNamespace(pods=(SimpleNamespace(name="v2-0", ready=True, deployment="image-analysis-v2"),))

    route, _ = split([], "image-analysis", OUT.weights)
    world = Routed(route)
    out = Released(cast(World, world), OUT, [Victim("v2-0", "", "")], nothing_kept)
    async with injected(out):
        assert not (await out.proof()).gone["v2-0"]
    assert routes(world.objects["image-analysis"]) == {"v1": 100, "v2": 0}
    assert (await out.proof()).objections() == []


def test_a_librarys_file_is_rewritten_where_the_objects_say_something_and_stays_elsewhere() -> None:
    before = {
        "alerts": {"timeout": {"overall_s": 2.0, "propagate": True}, "limits": {"pending": 3}},
        "momentum": {"timeout": {"overall_s": 5.0}},
    }
    after = json.loads(rewritten(json.dumps(before), "library", "alerts", [rule("alerts", 1)]))
    assert after["momentum"] == before["momentum"]
    assert after["alerts"]["limits"] == {"pending": 3}
    assert (after["alerts"]["timeout"]["overall_s"], after["alerts"]["timeout"]["propagate"]) == (1.0, True)


async def test_a_rollout_writes_the_file_and_starts_the_callers_again_and_both_are_put_back(tmp_path: Path) -> None:
    small = rendered(deployment("face-recognition", 2), service("face-recognition"))
    told = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": POLICIES}, "data": {FILE: "{}"}}
    small = replace(small, mode="library", objects=[*small.objects, told])
    world = await LocalTarget(tmp_path).up("rollout", small, attached=True, seed=1)
    try:
        spec = Apply(kind="apply", service=NAME, callers=("face-recognition",), objects=(rule(NAME, 1),))
        async with spec.prepared(world):
            rolled = spec.at(Site(world, cast(Any, None), [], "f", 1, 9.0))
            assert isinstance(rolled, RolledOut)
            async with injected(rolled):
                assert json.loads((await world.config(POLICIES))[FILE])[NAME]["timeout"]["overall_s"] == 1.0
            proof = await rolled.proof()
            assert (proof.objections(), sorted(proof.fired.values())) == ([], [1, 1])
        assert (await world.config(POLICIES)) == {FILE: "{}"}
        assert [pod.restarts for pod in (await world.status()).pods] == [2, 2]
    finally:
        await world.down()


def test_the_way_in_is_not_started_again_by_a_change_of_policy() -> None:
    spec = Apply(kind="apply", service=NAME, callers=("collector",), objects=(rule(NAME, 1),))
    assert [problem.partition(":")[0] for problem in spec.problems(3)] == ["callers"]
