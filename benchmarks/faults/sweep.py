"""Faults that somebody left in a world: found, ended, and seen to be gone."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.faults.fault import FaultFailed
from k8s.target import MODE_VARIABLE, WITHOUT_LIBRARY, Pod, World


@dataclass(frozen=True, slots=True)
class Stale:
    """One fault that a pod has now. `expires_in_s` is None where only the target knows when it ends."""

    pod: str
    id: str
    kind: str
    expires_in_s: float | None = None
    fired: int | None = None
    told: dict[str, Any] = field(default_factory=dict)


EVERYBODY = "all"
"""The victim of a fault that the whole world suffers from."""
LIBRARY_MISSING = "library-missing"
COMMON = ("id", "kind", "ttl_s", "seed", "expires_in_s", "fired")


async def active(world: World, http: aiohttp.ClientSession, told: Collection[str] = ()) -> list[Stale]:
    """What the pods commit on themselves, which of their processes stand still, and who runs without its library.

    `told`: services that were told their settings on purpose: there no library is missing.
    Raises FaultFailed when a pod that is ready does not tell.
    """
    status = await world.status()
    pods = status.pods
    whole = [Stale(EVERYBODY, kind, kind) for kind in status.ailing]
    bare = [
        Stale(pod.name, LIBRARY_MISSING, LIBRARY_MISSING)
        for pod in pods
        if pod.told.get(MODE_VARIABLE) == WITHOUT_LIBRARY and pod.service not in told
    ]
    frozen = [Stale(pod.name, container, "freeze") for pod in pods for container in pod.frozen]
    # Who stands still cannot be asked. Who is not ready may have a fault to thank for it, and can.
    asked = [pod for pod in pods if "app" not in pod.frozen]
    answers = await asyncio.gather(*(_faults(http, pod) for pod in asked))
    return whole + bare + frozen + [one for found in answers for one in found]


async def sweep(world: World, http: aiohttp.ClientSession, told: Collection[str] = ()) -> list[Stale]:
    """End every fault of a world; returns those that there were. Raises FaultFailed when one is still there.

    `told`: as in `active`.
    """
    found = await active(world, http, told)
    if any(one.kind == "stale-discovery" for one in found):
        await world.release_discovery()
    if any(one.kind == "config-withdrawn" for one in found):
        await world.restore()
    if any(one.kind == "expired-certificate" for one in found):
        await world.renew()
    for container in {(one.pod, one.id) for one in found if one.kind == "freeze"}:
        await world.thaw(*container)
    for one in found:
        if one.kind == LIBRARY_MISSING:
            await world.restart(one.pod)
    pods = {pod.name: pod for pod in (await world.status()).pods}
    await asyncio.gather(*(_clear(http, pods[name]) for name in {one.pod for one in found if one.fired is not None}))
    left = await active(world, http, told) if found else []
    if left:
        raise FaultFailed("; ".join(f"{one.pod} still has {one.kind} {one.id}" for one in left))
    return found


async def _faults(http: aiohttp.ClientSession, pod: Pod) -> list[Stale]:
    try:
        async with http.get(f"http://{pod.admin}/faults") as answer:
            answer.raise_for_status()
            listed = (await answer.json())["faults"]
    except (aiohttp.ClientError, TimeoutError) as error:
        if not pod.ready:  # it is being started, or has ended: a fault that it had went with its process
            return []
        raise FaultFailed(f"{pod.name} does not tell its faults at {pod.admin}: {error}") from error
    return [
        Stale(
            pod.name, one["id"], one["kind"], one["expires_in_s"], one["fired"],
            {name: value for name, value in one.items() if name not in COMMON and value is not None},
        )
        for one in listed
    ]  # fmt: skip


async def _clear(http: aiohttp.ClientSession, pod: Pod) -> None:
    try:
        async with http.delete(f"http://{pod.admin}/faults") as answer:
            answer.raise_for_status()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise FaultFailed(f"{pod.name} kept its faults: {error}") from error
