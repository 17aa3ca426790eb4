"""Something else in this process holds its memory."""

from __future__ import annotations

import asyncio
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

from services.runtime.faults.fields import Fields
from services.runtime.faults.kind import Door, Kind

PIECE = 8 * 2**20
"""Bytes written in one go: a few milliseconds in which nothing is answered."""
MOST_MIB = 4096


@dataclass(frozen=True, slots=True)
class Memory(Kind):
    """Holds `mib` MiB, all of them resident. Where a limit is enforced, the kernel may kill the process."""

    lasting: ClassVar[bool] = True

    mib: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read its field."""
        return cls(fields.whole("mib", 1, MOST_MIB))

    async def hold(self, _door: Door, fired: Callable[[], None]) -> None:
        """Take it piece by piece, and give it back at the end; each piece counts."""
        size = self.mib * 2**20
        with mmap.mmap(-1, size) as held:
            for start in range(0, size, PIECE):
                held.seek(start)
                held.write(b"\x01" * min(PIECE, size - start))
                fired()
                await asyncio.sleep(0)
            await asyncio.Event().wait()
