"""Answers break off in the middle of their body."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from benchmarks.faults.in_app import Evidence, InAppSpec
from benchmarks.faults.spec import Rate


class TruncatedBody(InAppSpec):
    """Of a share `rate` of the answers only this `share` of the promised bytes comes."""

    proven: ClassVar[Evidence] = "probes"

    kind: Literal["truncated-body"]
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    rate: Rate = 1.0
