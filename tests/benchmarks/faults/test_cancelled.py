"""Faults on processes and on the mesh, cancelled at every step, in a world that goes on with what it was once asked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast, get_args

import aiohttp
import pytest
from pydantic import TypeAdapter

from benchmarks.faults import AnyFault, Fault, Site, Spec, Victim, injected, library_missing
from benchmarks.faults.in_app import InAppSpec
from benchmarks.faults.process import Process
from k8s.target import KindUsage, Pace, Pod, World

KINDS = ["config-withdrawn", "crash", "expired-certificate", "freeze", "library-missing", "sidecar-crash",
         "sidecar-freeze", "stale-discovery"]  # fmt: skip
OWN: dict[str, dict[str, Any]] = {"stale-discovery": {"down_s": 1}}
VICTIMS = [Victim(pod, "127.0.0.1:1", "127.0.0.1:1") for pod in ("alerts-0", "alerts-1")]
GOOD_UNTIL = 2**40
"""Seconds since 1970, of a certificate that nobody has let expire."""


class Remote:
    """A world behind a wire: a request that its sender gives up arrives all the same, some steps later.

    It ends nothing by itself; `broken` is what it suffers from, and the dead come back when somebody looks.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng, self._restarts = rng, dict.fromkeys([victim.pod for victim in VICTIMS], 0)
        self.broken: set[tuple[str, str]] = set()
        self.requests: set[asyncio.Task[None]] = set()
        self.breakages = 0

    pace = Pace(look_s=0.0, restart_s=15.0)

    async def look(self, pods: Sequence[str]) -> list[Pod]:
        await self._sent(lambda: None)
        seen = [self._pod(pod) for pod in pods]
        for pod, what in [one for one in self.broken if one[1] == "dead"]:
            self._restarts[pod] += 1
            self.broken.discard((pod, what))
        return seen

    async def get(self) -> list[dict[str, Any]]:
        return [] if ("all", "config-withdrawn") in self.broken else [{"kind": "VirtualService"}]

    async def proxy_stats(self) -> dict[str, dict[str, int]]:
        name = "listener.0.ssl.certificate.default.expiration_unix_time_seconds"
        return {pod: {name: 0 if (pod, "expired") in self.broken else GOOD_UNTIL} for pod in self._restarts}

    async def kill(self, pod: str, _container: str, _ttl_s: float) -> None:
        await self._breaks(pod, "dead")

    async def freeze(self, pod: str, container: str, _ttl_s: float) -> None:
        await self._breaks(pod, container)

    async def thaw(self, pod: str, container: str) -> None:
        await self._mends(lambda one: one == (pod, container))

    async def hold_discovery(self, _ttl_s: float) -> None:
        await self._breaks("all", "stale-discovery")

    async def release_discovery(self) -> int:
        await self._mends(lambda one: one == ("all", "stale-discovery"))
        return 1

    async def withdraw(self, _ttl_s: float) -> None:
        await self._breaks("all", "config-withdrawn")

    async def restore(self) -> None:
        await self._mends(lambda one: one == ("all", "config-withdrawn"))

    async def expire(self, pod: str, _ttl_s: float) -> None:
        await self._breaks(pod, "expired")

    async def renew(self) -> None:
        await self._mends(lambda one: one[1] == "expired")

    async def restart(self, pod: str, env: Mapping[str, str] | None = None, _ttl_s: float = 0) -> None:
        await (self._breaks(pod, "bare") if env else self._mends(lambda one: one == (pod, "bare")))

    async def process(self, _http: object, pod: str, _admin: str) -> Process:
        return Process(1.0, {"RESILIENCE_MODE": "plain" if (pod, "bare") in self.broken else "library"})

    async def _breaks(self, pod: str, what: str) -> None:
        def act() -> None:
            self.broken.add((pod, what))
            self.breakages += 1

        await self._sent(act)

    async def _mends(self, what: Callable[[tuple[str, str]], bool]) -> None:
        await self._sent(lambda: self.broken.difference_update({one for one in self.broken if what(one)}))

    async def _sent(self, act: Callable[[], None]) -> None:
        request = asyncio.create_task(self._arrives(act))
        self.requests.add(request)
        await asyncio.shield(request)

    async def _arrives(self, act: Callable[[], None]) -> None:
        for _ in range(self._rng.randrange(16)):
            await asyncio.sleep(0)
        act()

    def _pod(self, name: str) -> Pod:
        dead = (name, "dead") in self.broken
        frozen = tuple(what for pod, what in self.broken if pod == name and what in ("app", "proxy"))
        where = ("127.0.0.1:1",) * 4
        usage = KindUsage()
        return Pod(
            name, "alerts", "v1", "Running", not dead, self._restarts[name], 1.0, "", *where, usage, usage, "", frozen
        )


def test_every_kind_that_is_not_the_applications_own_is_cancelled() -> None:
    every: tuple[type[Spec], ...] = get_args(get_args(AnyFault)[0])
    others = [one for one in every if not issubclass(one, InAppSpec)]
    assert sorted(get_args(one.model_fields["kind"].annotation)[0] for one in others) == KINDS


@pytest.mark.parametrize("kind", KINDS)
async def test_a_hundred_injections_cancelled_at_random_steps_leave_nothing_broken(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(f"cancelled/{kind}")
    world = Remote(rng)
    monkeypatch.setattr(library_missing, "process", world.process)
    read: Spec = TypeAdapter(AnyFault).validate_python(
        {"kind": kind, "service": "alerts", "replicas": "all", **OWN.get(kind, {})}
    )

    async def hold(fault: Fault) -> None:
        async with injected(fault):
            await asyncio.Event().wait()

    for number in range(100):
        site = Site(cast("World", world), cast("aiohttp.ClientSession", None), VICTIMS, f"f{number}", 1, 3600)
        task = asyncio.create_task(hold(read.at(site)))
        for _ in range(rng.randrange(80)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await asyncio.wait(world.requests)
        assert world.broken == set()
    assert world.breakages > 50, "most were set before they were cancelled"
