"""Nobody listens at a replica any more, although it lives."""

from __future__ import annotations

from typing import ClassVar, Literal

from benchmarks.faults.in_app import Evidence, InAppSpec


class Refuse(InAppSpec):
    """Refuses connections, and ends those that stand; readiness takes the replica out after a while."""

    proven: ClassVar[Evidence] = "itself"

    kind: Literal["refuse"]
    caller: None = None
