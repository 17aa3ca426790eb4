"""The head of an answer comes at once, and its body slowly."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from benchmarks.faults.in_app import Evidence, InAppSpec
from benchmarks.faults.spec import Rate


class SlowBody(InAppSpec):
    """A share `rate` of the answers leaves at `bytes_per_s`."""

    proven: ClassVar[Evidence] = "probes"

    kind: Literal["slow-body"]
    bytes_per_s: Annotated[float, Field(gt=0, le=1e9)]
    rate: Rate = 1.0
