"""The next few calls fail, and then all is well."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from benchmarks.faults.in_app import InAppSpec
from benchmarks.faults.spec import Status


class FailFirst(InAppSpec):
    """Answers `status` to the first `count` requests."""

    awaited: ClassVar[str] = "the next call of the application"

    kind: Literal["fail-first"]
    count: Annotated[int, Field(ge=1)]
    status: Status = 503
