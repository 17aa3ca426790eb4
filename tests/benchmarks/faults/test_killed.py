"""A kill whose victim goes away for another reason says so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count
from typing import Any, cast

import pytest

from benchmarks.faults import Victim
from benchmarks.faults.fault import FaultFailed
from benchmarks.faults.killed import Killed
from k8s.target import KindUsage, Pace, Pod, World


class Standing:
    """A world of pods that are ready, and restart when they are killed; it can be looked at, and is never measured."""

    pace = Pace(look_s=0.0, restart_s=40.0)

    def __init__(self, *pods: str) -> None:
        self.restarts = dict.fromkeys(pods, 0)

    async def look(self, pods: Collection[str]) -> list[Pod]:
        return [self._pod(name) for name in self.restarts if name in pods]

    async def kill(self, pod: str, _container: str, _ttl_s: float) -> None:
        self.restarts[pod] += 1

    def _pod(self, name: str) -> Pod:
        fields: dict[str, Any] = dict.fromkeys(("entry", "app", "admin"), "127.0.0.1:1")
        return Pod(
            name=name,
            service="alerts",
            version="v1",
            phase="Running",
            ready=True,
            restarts=self.restarts[name],
            age_s=1.0,
            reason="",
            proxy_admin=None,
            app_usage=KindUsage(),
            proxy_usage=None,
            deployment="alerts",
            frozen=(),
            **fields,
        )


def killed(world: Standing, pods: Sequence[str]) -> Killed:
    steps = count(step=int(world.pace.restart_s) + 1)
    victims = [Victim(pod, "127.0.0.1:1", "127.0.0.1:1") for pod in pods]
    return Killed(cast("World", world), victims, 0.0, lambda: float(next(steps)))


async def test_a_victim_that_was_evicted_after_its_kill_is_missing_and_its_kill_unproven() -> None:
    world = Standing("alerts-0-0", "alerts-0-1")
    fault = killed(world, ["alerts-0-0", "alerts-0-1"])
    await fault.inject()
    del world.restarts["alerts-0-1"]
    with pytest.raises(FaultFailed, match=r"not ready again after 40 s: alerts-0-1$"):
        await fault.remove()
    proof = await fault.proof()
    assert (proof.fired["alerts-0-1"], proof.gone["alerts-0-1"]) == (0, False)
    assert (proof.fired["alerts-0-0"], proof.gone["alerts-0-0"]) == (1, True)


async def test_a_victim_that_was_replaced_before_its_kill_is_named_and_nobody_is_killed() -> None:
    world = Standing("alerts-0-0", "alerts-0-2")
    with pytest.raises(FaultFailed, match="not there any more, so it cannot be killed: alerts-0-1"):
        await killed(world, ["alerts-0-0", "alerts-0-1"]).inject()
    assert set(world.restarts.values()) == {0}
