"""Objects that are lent to a cluster are gone after it, whatever becomes of one of them, or of us."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from k8s.cluster import deletion
from k8s.cluster.api import Api, path_of
from k8s.cluster.lent import lent
from k8s.target import Document, TargetError
from tests.k8s.cluster.fake import FakeCluster


def entries(*names: str) -> list[Document]:
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {}}
        for name in names
    ]


async def test_one_that_cannot_be_deleted_is_told_and_the_next_is_deleted(cluster: FakeCluster, api: Api) -> None:
    first, second = entries("first", "second")
    cluster.forbidden = {("DELETE", "/first")}
    with pytest.raises(TargetError, match=r"ConfigMap first: .* is forbidden"):
        async with lent(api, [first, second]):
            assert path_of(second) in cluster.listing()
    assert path_of(first) in cluster.listing()
    assert path_of(second) not in cluster.listing()


async def test_it_ends_when_they_are_gone_and_not_before(cluster: FakeCluster, api: Api) -> None:
    [one] = entries("one")
    async with lent(api, [one]):
        cluster.lingers = 2
    assert cluster.asked.count(f"GET {path_of(one)}") == 3


async def test_one_that_stays_is_told(cluster: FakeCluster, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "GONE_S", 0.2)
    with pytest.raises(TargetError, match=r"configmaps/one is deleted, and still there after 0\.2 s"):
        async with lent(api, entries("one")):
            cluster.lingers = 1000


async def test_who_is_interrupted_while_one_is_applied_leaves_none(
    cluster: FakeCluster, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, apply = cluster.listing(), api.apply
    loop, on_its_way, go = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def slow(one: Mapping[str, Any]) -> Document:
        loop.call_soon_threadsafe(on_its_way.set)
        go.wait()
        return apply(one)

    async def block() -> None:
        async with lent(api, entries("one")):
            raise AssertionError("it was interrupted before")

    monkeypatch.setattr(api, "apply", slow)
    task = asyncio.ensure_future(block())
    await on_its_way.wait()
    task.cancel()
    loop.call_later(0.05, go.set)  # it arrives after a deletion that did not wait for it
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(go.wait)
    assert cluster.listing() == before
