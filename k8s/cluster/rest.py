"""Worlds that rest: no pods, and everything else as it was, so that another has the nodes for itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from k8s.cluster.api import Api, folder
from k8s.cluster.operated import OF_THE_APPLICATION, POLL_S, READY_S
from k8s.cluster.readiness import has_ended
from k8s.target import Document, TargetError

REPLICAS = "goaround/replicas"
"""Of a deployment that rests: how many it had, and gets again."""


async def rest(api: Api, namespace: str, within_s: float = READY_S) -> None:
    """Scale every deployment of a world to zero, and wait until no pod is left. Raises TargetError when some stay."""
    await asyncio.to_thread(_change, api, namespace, _resting)
    deadline = time.monotonic() + within_s
    while left := await asyncio.to_thread(_pods, api, namespace):
        if time.monotonic() > deadline:
            raise TargetError(f"world {namespace} is not at rest after {within_s:g} s: {len(left)} pods are left")
        await asyncio.sleep(POLL_S)


async def wake(api: Api, namespace: str) -> None:
    """Give every deployment the replicas again that it had before; whoever needs them ready waits for the world."""
    await asyncio.to_thread(_change, api, namespace, _awake)


def rests(deployment: Document) -> bool:
    """Whether a deployment has been put to rest."""
    return REPLICAS in (deployment["metadata"].get("annotations") or {})


def _resting(deployment: Document) -> Document | None:
    if rests(deployment):
        return None
    had = str(deployment["spec"]["replicas"])
    return {"metadata": {"annotations": {REPLICAS: had}}, "spec": {"replicas": 0}}


def _awake(deployment: Document) -> Document | None:
    if not rests(deployment):
        return None
    had = int(deployment["metadata"]["annotations"][REPLICAS])
    return {"metadata": {"annotations": {REPLICAS: None}}, "spec": {"replicas": had}}


def _change(api: Api, namespace: str, how: Callable[[Document], Document | None]) -> None:
    """Remember and scale in one change each, so that what is interrupted between two of them can go on."""
    for one in _list(api, namespace, "apps/v1", "Deployment"):
        if change := how(one):
            api.merge(f"{folder('apps/v1', 'Deployment', namespace)}/{one['metadata']['name']}", change)


def _pods(api: Api, namespace: str) -> list[Document]:
    """The pods that have not ended; nobody takes away one that was evicted, also where no replica is wanted."""
    return [one for one in _list(api, namespace, "v1", "Pod") if not has_ended(one)]


def _list(api: Api, namespace: str, version: str, kind: str) -> list[Document]:
    return list(api.get(folder(version, kind, namespace), labelSelector=OF_THE_APPLICATION)["items"])
