"""Nobody listens any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Door, Kind


@dataclass(frozen=True, slots=True)
class Refuse(Kind):
    """Refuses connections and ends those that stand, while the process lives on: probes find nobody either."""

    lasting: ClassVar[bool] = True

    @classmethod
    def read(cls, _fields: Fields) -> Self:
        """It has no fields."""
        return cls()

    async def hold(self, door: Door, fired: Callable[[], None]) -> None:
        """Shut the door, and open it again at the end."""
        try:
            await door.shut()
            fired()
            await asyncio.Event().wait()
        finally:
            await door.open()
