"""State between cells: what a cell leaves behind is dropped, and that it is gone is checked (fairness rule 8)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Any

from benchmarks.faults.sweep import sweep
from benchmarks.pods import Pods
from istio import stats
from k8s.target import World

DEADLINE_S = 8.0


class NotClean(RuntimeError):
    """A world did not come back to its initial state in time; the message says what was left."""


async def reset(world: World, pods: Pods, seed: int, told: Collection[str] = ()) -> None:
    """Bring a world back to its first state: nothing ejected, open, pooled, stored, counted or broken.

    `told`: services that run with settings of the cell, and shall go on with them.

    Raises:
        NotClean: something is left after DEADLINE_S seconds.
        FaultFailed: a stale fault could not be ended.

    """
    await sweep(world, pods.http, told)
    await world.reset_mesh()  # which has a deadline of its own: a cluster's sidecars follow within seconds
    deadline = time.monotonic() + DEADLINE_S
    left = ["not tried"]
    while left:
        if time.monotonic() > deadline:
            raise NotClean(f"{world.name} is not clean after {DEADLINE_S:g} s: {'; '.join(left)}")
        busy = await pods.reset(seed)
        if busy:
            left = [f"requests in flight at {', '.join(busy)}"]
            await asyncio.sleep(0.05)
            continue
        left = await leftovers(world, pods)
        if left:
            await asyncio.sleep(0.05)


async def leftovers(world: World, pods: Pods) -> list[str]:
    """What is not in its first state, one line each."""
    status, counters, stored, faults, proxies = await asyncio.gather(
        world.status(), pods.counters(), pods.stored(), pods.faults(), world.proxy_stats()
    )
    return [
        *(f"{pod.name} is not ready: {pod.reason}" for pod in status.pods if not pod.ready),
        *(f"{pod} has counted {counted}" for pod, c in counters.items() if (counted := _counted(c))),
        *(f"{service} still stores {len(frames)} frames" for service, frames in stored.items() if frames),
        *(f"{pod} still has the faults {', '.join(ids)}" for pod, ids in faults.items() if ids),
        *(
            f"{pod} still ejects a replica of {callee}"
            for pod, flat in proxies.items()
            for callee, edge in stats.edges(flat).items()
            if edge.active_ejections
        ),
    ]


def _counted(counters: Mapping[str, Any]) -> list[str]:
    """The names of the counters that are not zero."""
    return sorted(
        name
        for name, value in counters.items()
        if (any(_numbers(value)) if isinstance(value, Mapping) else bool(value))
    )


def _numbers(value: Mapping[str, Any]) -> list[int]:
    flat: list[int] = []
    for inner in value.values():
        flat += _numbers(inner) if isinstance(inner, Mapping) else [int(inner)]
    return flat
