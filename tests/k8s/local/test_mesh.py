from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from istio.discovery import DiscoveryServer
from istio.registry import Proxy
from k8s.local.manifests import read
from k8s.local.mesh import Mesh
from k8s.local.pod import Pod
from k8s.local.readiness import Readiness
from k8s.target import AS_INSTALLED, TargetError
from tests.k8s.local.envoys import Ended, envoys
from tests.k8s.local.pods import pod
from tests.k8s.tiny import service
from tests.k8s.waiting import until

SERVICES = read([service("front")]).services
CLUSTER = "outbound|8080||front.default.svc.cluster.local"


def mesh(*pods: Pod) -> Mesh:
    return Mesh(SERVICES, lambda: pods, readiness(*pods), DiscoveryServer(Path("never-opened")), AS_INSTALLED)


def readiness(*pods: Pod) -> Readiness:
    return Readiness(lambda: pods, lambda: None)


def virtual_service(name: str, **http: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name},
        "spec": {"hosts": ["front"], "http": [{"route": [{"destination": {"host": "front"}}], **http}]},
    }


def identity(of: Pod) -> Proxy:
    return Proxy(of.name, of.namespace, of.labels)


def hosts(world: Mesh, of: Pod) -> list[str]:
    localities = world.configuration(identity(of)).endpoints[CLUSTER].get("endpoints", [])
    return [
        host["endpoint"]["address"]["socket_address"]["address"] for one in localities for host in one["lb_endpoints"]
    ]


def test_sidecars_are_told_of_ready_pods_only(tmp_path: Path) -> None:
    good, bad = pod("front", 0, tmp_path), pod("front", 1, tmp_path, ready=False)
    assert hosts(mesh(good, bad), good) == [good.ip]


async def test_while_it_is_held_sidecars_are_told_of_the_pods_that_were_ready_then(tmp_path: Path) -> None:
    ill, gone, other = (pod("front", number, tmp_path) for number in range(3))
    pods, as_told = [ill, other], readiness(ill, gone, other)
    as_told.hold(60)
    world = Mesh(SERVICES, lambda: pods, as_told, DiscoveryServer(Path("never-opened")), AS_INSTALLED)
    [envoy] = envoys(world.sidecars, other)
    ill.app.ready = False
    await world.change(lambda: world.add([virtual_service("slow", timeout="7s")]))
    assert hosts(world, other) == [ill.ip, gone.ip, other.ip]
    assert {ip for ip, _ in envoy.addresses} == {ill.ip, gone.ip, other.ip}
    as_told.release()
    assert ill.ip not in hosts(world, other)


def test_an_object_that_is_added_reaches_the_routes_and_goes_when_it_is_removed(tmp_path: Path) -> None:
    one = pod("front", 0, tmp_path)
    world = mesh(one)
    before = world.configuration(identity(one)).routes
    world.add([virtual_service("slow", timeout="7s")])
    assert "7s" in str(world.configuration(identity(one)).routes)
    world.remove([virtual_service("slow")])
    assert world.configuration(identity(one)).routes == before


def test_a_refused_object_changes_nothing(tmp_path: Path) -> None:
    one = pod("front", 0, tmp_path)
    world = mesh(one)
    before = world.configuration(identity(one)).routes
    with pytest.raises(TargetError) as refused:
        world.add([virtual_service("good", timeout="7s"), virtual_service("bad", retry=1, timeuot="1s")])
    assert [error.partition(": is")[0].split()[-1] for error in refused.value.errors] == [
        "spec.http[0].retry",
        "spec.http[0].timeuot",
    ]
    assert world.configuration(identity(one)).routes == before


def test_deleting_what_is_not_there_names_what_is(tmp_path: Path) -> None:
    world = mesh(pod("front", 0, tmp_path))
    world.add([virtual_service("slow")])
    with pytest.raises(TargetError, match="there is no VirtualService fast in default; there are: VirtualService slow"):
        world.remove([virtual_service("fast")])


async def test_what_is_withdrawn_is_out_of_effect_until_it_is_restored(tmp_path: Path) -> None:
    one = pod("front", 0, tmp_path)
    world = mesh(one)
    world.add([virtual_service("slow", timeout="7s")])
    before = world.configuration(identity(one)).routes
    await world.withdraw(60)
    assert world.objects == []
    assert "7s" not in str(world.configuration(identity(one)).routes)
    world.add([virtual_service("other", timeout="3s")])
    world.remove([virtual_service("other")])
    await world.restore()
    assert world.configuration(identity(one)).routes == before


async def test_what_is_withdrawn_comes_back_by_itself(tmp_path: Path) -> None:
    world = mesh(pod("front", 0, tmp_path))
    world.add([virtual_service("slow", timeout="7s")])
    await world.withdraw(0.02)
    await until(lambda: len(world.objects) == 1)


async def test_where_there_is_nothing_to_withdraw_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no Istio object in effect"):
        await mesh(pod("front", 0, tmp_path)).withdraw(1)


async def test_what_is_applied_meanwhile_and_withdrawn_too_comes_back_with_the_rest(tmp_path: Path) -> None:
    world = mesh(pod("front", 0, tmp_path))
    world.add([virtual_service("a"), virtual_service("b")])
    await world.withdraw(60)
    world.add([virtual_service("c")])
    await world.withdraw(60)
    assert world.objects == []
    await world.restore()
    assert [one["metadata"]["name"] for one in world.objects] == ["a", "b", "c"]


async def test_of_two_withdrawals_the_newest_time_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Ended()
    monkeypatch.setattr("k8s.local.mesh.Endings", lambda: ended)
    world = mesh(pod("front", 0, tmp_path))
    world.add([virtual_service("a")])
    await world.withdraw(1)
    world.add([virtual_service("b")])
    await world.withdraw(60)
    await ended.undo(0)
    assert world.objects == []
    await ended.undo(1)
    assert len(world.objects) == 2


async def test_what_a_sidecar_refuses_to_have_back_is_withdrawn_still_and_comes_back_with_the_next_try(
    tmp_path: Path,
) -> None:
    one = pod("front", 0, tmp_path)
    world = mesh(one)
    [envoy] = envoys(world.sidecars, one)
    world.add([virtual_service("slow")])
    await world.withdraw(60)
    envoy.refusals = 1
    with pytest.raises(TargetError, match="the sidecar of front-0: rejected: not today"):
        await world.restore()
    assert (world.withdrawn, world.objects) == (True, [])
    await world.restore()
    assert (world.withdrawn, len(world.objects)) == (False, 1)


async def test_what_is_being_applied_when_all_is_withdrawn_is_withdrawn_too(tmp_path: Path) -> None:
    world = mesh(pod("front", 0, tmp_path))
    world.add([virtual_service("a")])
    async with asyncio.TaskGroup() as group:
        group.create_task(world.change(lambda: world.add([virtual_service("b")])))
        group.create_task(world.withdraw(60))
    await world.restore()
    assert [one["metadata"]["name"] for one in world.objects] == ["a", "b"]
