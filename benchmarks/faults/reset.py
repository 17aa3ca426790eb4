"""Connections are reset instead of answered."""

from __future__ import annotations

from typing import ClassVar, Literal

from benchmarks.faults.in_app import Evidence, InAppSpec
from benchmarks.faults.spec import Rate
from benchmarks.faults.when import When


class Reset(InAppSpec):
    """A share `rate` of the requests ends with TCP's RST."""

    proven: ClassVar[Evidence] = "probes"

    kind: Literal["reset"]
    rate: Rate = 1.0
    when: When = "before"
