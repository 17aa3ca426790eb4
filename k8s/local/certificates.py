"""What the sidecars of a world prove who they are with: replaced in time, or over for a while."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterable

from istio import stats
from istio.admin import Unreachable
from istio.sidecar import Sidecar
from k8s.local.endings import Endings
from k8s.local.pod import Pod
from k8s.local.sidecars import Sidecars
from k8s.target import TargetError


class Certificates:
    """Of all sidecars of a world, whose pods are `pods`, now; without `mtls` there are none."""

    def __init__(self, sidecars: Sidecars, pods: Callable[[], Iterable[Pod]], *, mtls: bool) -> None:
        self._sidecars, self._pods, self._mtls = sidecars, pods, mtls
        self._expired: dict[str, float] = {}
        self._endings = Endings()

    @property
    def expired(self) -> bool:
        """Whether a sidecar has a certificate whose time is over."""
        return bool(self._expired)

    def forget(self, pod: str) -> None:
        """Drop a pod that is gone."""
        self._expired.pop(pod, None)

    async def rotate(self) -> None:
        """Give every sidecar a new certificate; returns when all have taken theirs. One that does not run gets its own.

        Those that are to be without a good one for a while stay so.
        Raises TargetError with Envoy's words when one refuses.
        """
        async with self._sidecars.turn:
            good = [pod for pod in self._sidecars.by_pod if pod not in self._expired]
            await self._sidecars.each(good, lambda sidecar: sidecar.rotate())

    async def expire(self, pod: str, ttl_s: float) -> None:
        """Give a pod's sidecar a certificate whose time is over, for `ttl_s` seconds or until `renew`.

        Connections that stand outlive any certificate, so those of its callers are renewed: whoever has sent something
        to its service has its clusters replaced by equal ones. Asked for again, the newest time counts.
        Raises TargetError: no such sidecar, plaintext, or Envoy's words when one refuses.
        """
        if pod not in self._sidecars.by_pod:
            raise TargetError(f"{pod} has no sidecar; choose from: {', '.join(sorted(self._sidecars.by_pod))}")
        if not self._mtls:
            raise TargetError("the sidecars speak plaintext to each other: there is no certificate that could expire")
        async with self._sidecars.turn:
            self._expired[pod] = asyncio.get_running_loop().time() + ttl_s
            self._endings.at(self._expired[pod], self._renew)
            await self._sidecars.each([pod], lambda sidecar: sidecar.rotate(expired=True))
            await self._sidecars.each(await self._callers(pod), lambda sidecar: sidecar.reset())

    async def renew(self) -> None:
        """Give those whose certificates have expired good ones; nothing happens where none has.

        Raises TargetError with Envoy's words when one refuses; its certificate is still one that has expired.
        """
        await self._renew(math.inf)

    async def _renew(self, when: float) -> None:
        async def renewed(sidecar: Sidecar) -> None:
            with contextlib.suppress(Unreachable):  # it has been handed out, and is taken when Envoy asks again
                await sidecar.rotate()
            self._expired.pop(sidecar.proxy.name, None)

        async with self._sidecars.turn:
            await self._sidecars.each([pod for pod, until in self._expired.items() if until <= when], renewed)

    async def _callers(self, pod: str) -> list[str]:
        """The sidecars that have sent something to the service of a pod."""
        services = {one.labels.get("app", "") for one in self._pods() if one.name == pod}
        found = {name: stats.edges(flat) for name, flat in (await self._sidecars.stats()).items()}
        return [name for name, edges in found.items() if any(edges[to].requests for to in services & edges.keys())]
