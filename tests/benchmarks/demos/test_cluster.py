"""A world of a cluster as a stage: how it is let in, and what cannot be shown without the gateway's counters."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from benchmarks.demos import DEMOS, tutorial
from benchmarks.demos.cluster import Cluster, ClusterStage, asked_for, find, usable
from k8s.cluster.ingress import Ingress
from k8s.cluster.job import world
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld
from k8s.target import Beginning


@pytest.mark.parametrize(
    ("hosts", "headers"),
    [
        (["*"], {}),
        (["airport.example", "*"], {}),
        (["airport.example"], {"Host": "airport.example"}),
        (["airport/airport.example"], {"Host": "airport.example"}),
        (["*.example"], {"Host": "airport.example"}),
    ],
)
def test_calls_carry_a_host_that_the_gateway_lets_in(hosts: list[str], headers: dict[str, str]) -> None:
    assert asked_for(hosts) == headers


def stage(countless: str) -> ClusterStage:
    """A stage of which only what it lacks is asked."""
    nothing = cast("Any", None)
    return ClusterStage(
        cast("ClusterWorld", nothing),
        Beginning("airport", [], {}),
        "a:1",
        {},
        countless,
        cast("Cluster", nothing),
        Ingress("istio-system", (), 8080, ()),
        cast("aiohttp.ClientSession", nothing),
    )


def test_without_the_gateways_counters_exactly_those_that_are_proven_by_them_cannot_be_shown() -> None:
    documented = tutorial.shown(tutorial.FILE.read_text())
    proven = {one.demo.name for one in documented if not one.in_library and "gateway to" in one.printed}
    without, with_ = stage("it counts no such thing"), stage("")
    assert {demo.name for demo in DEMOS.values() if without.lacks(demo)} == proven
    assert not any(with_.lacks(demo) for demo in DEMOS.values())


class Worlds:
    """A target of which only its worlds are asked: all of them are mesh worlds."""

    def __init__(self, *names: str) -> None:
        self.names = names

    async def worlds(self) -> list[str]:
        return list(self.names)

    async def world(self, name: str) -> ClusterWorld:
        return cast("ClusterWorld", SimpleNamespace(name=name, mode="mesh"))


async def test_the_worlds_of_a_bench_are_not_taken_for_a_demonstration() -> None:
    nothing = cast("Any", None)
    target = cast("ClusterTarget", Worlds("airport", world("20261126-quick", 1, "mesh")))
    cluster = Cluster(nothing, nothing, target, None)
    assert await usable(cluster) == ["airport"]
    assert (await find(cluster, None)).name == "airport"
