"""Calls are held back before they are worked on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from benchmarks.faults.in_app import InAppSpec
from benchmarks.faults.spec import Rate


class Delay(InAppSpec):
    """Holds a share `rate` of the requests back for `delay_ms`."""

    kind: Literal["delay"]
    delay_ms: Annotated[float, Field(gt=0)]
    rate: Rate = 1.0
