"""Something else in this process eats its CPU."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Door, Kind

SLICE_S = 0.05


@dataclass(frozen=True, slots=True)
class CpuBurn(Kind):
    """A thread burns `share` of a core, and holds Python's interpreter lock against business code as it does."""

    lasting: ClassVar[bool] = True

    share: float

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its field."""
        return cls(fields.number("share", 0, 1))

    async def hold(self, _door: Door, fired: Callable[[], None]) -> None:
        """Burn until cancelled; each slice that was burned counts."""
        stop = threading.Event()
        burner = threading.Thread(target=self._burn, args=(stop, fired), name="cpu-burn", daemon=True)
        burner.start()
        try:
            await asyncio.Event().wait()
        finally:
            stop.set()
            await asyncio.to_thread(burner.join)

    def _burn(self, stop: threading.Event, fired: Callable[[], None]) -> None:
        while not stop.is_set():
            until = time.thread_time() + SLICE_S * self.share
            while time.thread_time() < until:
                pass
            fired()
            stop.wait(SLICE_S * (1 - self.share))
