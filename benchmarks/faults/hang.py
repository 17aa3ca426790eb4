"""Calls are accepted and never answered."""

from __future__ import annotations

from typing import ClassVar, Literal

from benchmarks.faults.in_app import Evidence, InAppSpec
from benchmarks.faults.spec import Rate
from benchmarks.faults.when import When


class Hang(InAppSpec):
    """A share `rate` of the requests gets no answer while the fault lasts; then their connections are reset."""

    proven: ClassVar[Evidence] = "probes"

    kind: Literal["hang"]
    rate: Rate = 1.0
    when: When = "before"
