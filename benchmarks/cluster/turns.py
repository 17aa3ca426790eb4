"""Worlds that take turns: the one that is measured has pods, and the others rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from benchmarks.worlds import until_idle
from k8s.cluster.api import Api
from k8s.cluster.rest import rest, wake
from k8s.cluster.world import ClusterWorld


class Turns:
    """Called before each cell with its arm. Whichever world is up at first rests, if it is not that arm's."""

    def __init__(self, api: Api, worlds: Mapping[str, ClusterWorld], say: Callable[[str], None]) -> None:
        self._api, self._worlds, self._say = api, worlds, say
        self._up: str | None = None

    async def __call__(self, arm: str) -> None:
        """Put the other worlds to rest, then wake this one, and wait until it is ready and calm.

        Raises TargetError: pods do not end, or do not become ready.
        """
        if arm == self._up:
            return
        began = time.monotonic()
        self._up = None  # should this turn fail, no world is known to have its pods
        for other, world in self._worlds.items():
            if other != arm:
                await rest(self._api, world.name)
        world = self._worlds[arm]
        await wake(self._api, world.name)
        await world.wait_ready()
        await until_idle([world])
        self._up = arm
        self._say(f"world {arm}: its turn, ready after {time.monotonic() - began:.0f} s")
