"""Which pods are ready, as everybody is told who sends to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from k8s.local.pod import Pod


class Readiness:
    """The pods that are ready now; while it is held, those that were ready then, even if they are gone.

    `pods` gives all there are, now; `released` is called when a hold is over.
    """

    def __init__(self, pods: Callable[[], Iterable[Pod]], released: Callable[[], None]) -> None:
        self._pods, self._released = pods, released
        self._as_of: list[Pod] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.withheld = 0

    @property
    def held(self) -> bool:
        """Whether nobody is told of changes."""
        return self._as_of is not None

    def ready(self) -> list[Pod]:
        """Return the pods that are told to be ready."""
        return [pod for pod in self._pods() if pod.ready] if self._as_of is None else list(self._as_of)

    def hold(self, ttl_s: float) -> None:
        """Tell nobody of changes, for `ttl_s` seconds or until it is released; what is known stays known."""
        self.release()
        self.withheld = 0
        self._as_of = self.ready()
        self._timer = asyncio.get_running_loop().call_later(ttl_s, self.release)

    def release(self) -> None:
        """Tell everybody again, beginning with how it is now; nothing happens when it is not held."""
        if self._timer:
            self._timer.cancel()
            self._timer = self._as_of = None
            self._released()
