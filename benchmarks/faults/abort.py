"""Calls are answered with an error instead of being worked on."""

from __future__ import annotations

from typing import Literal

from benchmarks.faults.in_app import InAppSpec
from benchmarks.faults.spec import Rate, Status


class Abort(InAppSpec):
    """Answers `status` to a share `rate` of the requests."""

    kind: Literal["abort"]
    status: Status = 503
    rate: Rate = 1.0
