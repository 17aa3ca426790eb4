"""Worlds take turns on a cluster of ours: the one that is measured has its pods, whatever became of the turn before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from benchmarks.cluster import turns
from benchmarks.cluster.turns import Turns
from k8s.cluster import operated, rest
from k8s.cluster.api import Api
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld
from k8s.render import render
from k8s.target import TargetError
from tests.k8s.cluster.jobs import JobCluster

PODS = 15


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    for module in (operated, rest):
        monkeypatch.setattr(module, "POLL_S", 0.0)
    with JobCluster() as cluster:
        yield Api(kubeconfig=cluster.kubeconfig(tmp_path))


@pytest_asyncio.fixture
async def worlds(api: Api) -> dict[str, ClusterWorld]:
    target = ClusterTarget(api)
    return {arm: await target.up(arm, render(arm), attached=False, seed=1) for arm in ("none", "library")}


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Why worlds do not calm down: a line for each turn to come that fails."""
    whys: list[str] = []

    async def until_idle(_worlds: Iterable[ClusterWorld]) -> None:
        if whys:
            raise TargetError(whys.pop())

    monkeypatch.setattr(turns, "until_idle", until_idle)
    return whys


async def pods(worlds: dict[str, ClusterWorld]) -> dict[str, int]:
    return {arm: len((await world.status()).pods) for arm, world in worlds.items()}


@pytest.mark.usefixtures("busy")
async def test_the_one_whose_turn_it_is_has_pods_and_the_others_rest(api: Api, worlds: dict[str, ClusterWorld]) -> None:
    said: list[str] = []
    turn = Turns(api, worlds, said.append)
    for arm, other in (("none", "library"), ("library", "none"), ("none", "library")):
        await turn(arm)
        assert await pods(worlds) == {arm: PODS, other: 0}
    assert [line.partition(":")[0] for line in said] == ["world none", "world library", "world none"]


async def test_after_a_turn_that_failed_the_world_of_before_has_its_pods_again(
    api: Api, worlds: dict[str, ClusterWorld], busy: list[str]
) -> None:
    turn = Turns(api, worlds, lambda _line: None)
    await turn("none")
    busy.append("it does not calm down")
    with pytest.raises(TargetError, match="it does not calm down"):
        await turn("library")
    await turn("none")
    assert await pods(worlds) == {"none": PODS, "library": 0}
