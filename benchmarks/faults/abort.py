"""Calls are answered with an error instead of being worked on."""

from __future__ import annotations

from typing import ClassVar, Literal

from benchmarks.faults.in_app import Evidence, InAppSpec
from benchmarks.faults.spec import Rate, Status
from benchmarks.faults.when import When


class Abort(InAppSpec):
    """Answers `status` to a share `rate` of the requests."""

    proven: ClassVar[Evidence] = "probes"

    kind: Literal["abort"]
    status: Status = 503
    rate: Rate = 1.0
    when: When = "before"
