"""Something in the victim's process eats its CPU."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from benchmarks.faults.in_app import Evidence, InAppSpec


class CpuBurn(InAppSpec):
    """A thread of the victim burns `share` of a core."""

    proven: ClassVar[Evidence] = "itself"

    kind: Literal["cpu-burn"]
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    caller: None = None
