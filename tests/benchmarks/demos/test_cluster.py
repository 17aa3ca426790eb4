"""A world of a cluster as a stage: how it is let in, and what cannot be shown without the gateway's counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.demos import DEMOS, cluster, tutorial
from benchmarks.demos.cluster import Cluster, ClusterStage, asked_for, find, usable
from k8s.cluster.ingress import Ingress
from k8s.cluster.job import world
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld
from k8s.target import Beginning, KindUsage, Pod, TargetError, WorldStatus


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


class Sidecars:
    """A world of one pod, whose sidecar tells numbers of endpoints as `answers` say, or is silent."""

    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)
        app = web.Application()
        app.router.add_get("/stats", self._stats)
        self.server = TestServer(app)

    async def status(self) -> WorldStatus:
        fields: dict[str, Any] = dict.fromkeys(("entry", "app", "admin"), "127.0.0.1:1")
        usage: dict[str, Any] = {"app_usage": KindUsage(), "proxy_usage": KindUsage()}
        at = f"{self.server.host}:{self.server.port}"
        pod = Pod("alerts-0-0", "alerts", "v1", "Running", True, 0, 1.0, "", proxy_admin=at, **fields, **usage)
        return WorldStatus("airport", "mesh", (pod,))

    async def _stats(self, request: web.Request) -> web.Response:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(
            text=f"cluster.outbound|8080||alerts.airport.svc.cluster.local;.membership_total: {answer}\n"
        )


async def ready_pods_are_known(answers: Sequence[int | None]) -> Sidecars:
    """Wait on a stage until its only sidecar knows its only pod."""
    world = Sidecars(*answers)
    async with world.server, aiohttp.ClientSession() as http:
        at = replace(stage("it counts no such thing"), world=cast("ClusterWorld", world), _http=http)
        await at._know_the_ready()
    return world


async def test_a_sidecar_that_does_not_answer_at_first_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "POLL_S", 0.0)
    assert (await ready_pods_are_known([None, 2, None, 1])).answers == [1]


async def test_a_sidecar_that_never_answers_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "POLL_S", 0.0)
    monkeypatch.setattr(cluster, "KNOWS_S", 0.5)
    with pytest.raises(TargetError, match=r"^after 0\.5 s these do not know .*: alerts-0-0 \(does not answer: .+\)$"):
        await ready_pods_are_known([None])


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
    one = Cluster(nothing, nothing, target, None)
    assert await usable(one) == ["airport"]
    assert (await find(one, None)).name == "airport"
