"""Calls are answered by a script."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from benchmarks.faults.in_app import InAppSpec
from benchmarks.faults.spec import Status


class Sequence(InAppSpec):
    """Answers request by request as written; 200 lets the request through."""

    awaited: ClassVar[str] = "the next call of the application"

    kind: Literal["sequence"]
    statuses: Annotated[tuple[Literal[200] | Status, ...], Field(min_length=1)]
