from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from k8s.local.certificates import Certificates
from k8s.local.sidecars import Sidecars
from k8s.target import TargetError
from tests.k8s.local.envoys import Ended, envoys
from tests.k8s.local.pods import pod


class World:
    """The certificates of two pods; times come when a test says so."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("k8s.local.certificates.Endings", Ended)
        self.sidecars, pods = Sidecars(), [pod("front", 0, folder), pod("back", 1, folder)]
        self.front, self.back = envoys(self.sidecars, *pods)
        self.certificates = Certificates(self.sidecars, lambda: pods, mtls=True)

    async def time_comes(self, number: int) -> None:
        endings = self.certificates._endings
        assert isinstance(endings, Ended)
        await endings.undo(number)

    @property
    def good(self) -> tuple[bool, bool]:
        return self.front.good, self.back.good


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


async def test_each_has_its_own_time(world: World) -> None:
    await world.certificates.expire("front-0", 1)
    await world.certificates.expire("back-1", 60)
    await world.time_comes(0)
    assert world.good == (True, False)
    assert world.certificates.expired
    await world.time_comes(1)
    assert world.good == (True, True)
    assert not world.certificates.expired


async def test_one_that_expires_while_others_are_renewed_stays_so_until_it_is_renewed_too(world: World) -> None:
    await world.certificates.expire("front-0", 1)
    async with asyncio.TaskGroup() as group, world.sidecars.turn:
        renewing = group.create_task(world.certificates.renew())
        expiring = group.create_task(world.certificates.expire("back-1", 60))
        await asyncio.wait([renewing, expiring], timeout=0)
    assert world.good == (True, False)
    assert world.certificates.expired
    await world.certificates.renew()
    assert world.good == (True, True)
    assert not world.certificates.expired


async def test_expired_once_more_the_newest_time_counts(world: World) -> None:
    await world.certificates.expire("front-0", 1)
    await world.certificates.expire("front-0", 60)
    await world.time_comes(0)
    assert world.good == (False, True)
    await world.time_comes(1)
    assert world.good == (True, True)


async def test_a_renewal_that_is_refused_is_told_and_is_made_again_by_the_next(world: World) -> None:
    await world.certificates.expire("front-0", 60)
    await world.certificates.expire("back-1", 60)
    world.front.refusals = 1
    with pytest.raises(TargetError, match="the sidecar of front-0: rejected: not today"):
        await world.certificates.renew()
    assert world.good == (False, True)
    assert world.certificates.expired
    await world.certificates.renew()
    assert world.good == (True, True)
    assert not world.certificates.expired


async def test_a_rotation_leaves_those_that_are_to_be_expired(world: World) -> None:
    await world.certificates.expire("front-0", 60)
    await world.certificates.rotate()
    assert world.good == (False, True)


async def test_a_pod_that_is_gone_has_no_certificate_that_has_expired(world: World) -> None:
    await world.certificates.expire("front-0", 60)
    world.certificates.forget("front-0")
    assert not world.certificates.expired


async def test_connections_of_those_who_have_called_the_pod_are_renewed(world: World) -> None:
    world.back.counted = {"cluster.outbound|8080||front.default.svc.cluster.local;.upstream_rq_total": 3}
    await world.certificates.expire("front-0", 60)
    assert (world.front.resets, world.back.resets) == (0, 1)


async def test_a_pod_that_is_none_of_the_worlds_is_refused_with_the_choices(world: World) -> None:
    with pytest.raises(TargetError, match="frant-0 has no sidecar; choose from: back-1, front-0"):
        await world.certificates.expire("frant-0", 60)
