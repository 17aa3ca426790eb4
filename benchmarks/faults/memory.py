"""Something in the victim's process holds its memory."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from benchmarks.faults.in_app import Evidence, InAppSpec


class Memory(InAppSpec):
    """The victim holds `mib` MiB more; only where a limit is enforced does that kill it."""

    proven: ClassVar[Evidence] = "itself"

    kind: Literal["memory"]
    mib: Annotated[int, Field(ge=1, le=4096)]
    caller: None = None
