"""Errors come in bursts, with quiet between them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from benchmarks.faults.in_app import Evidence, InAppSpec
from benchmarks.faults.spec import Rate, Status


class Burst(InAppSpec):
    """For `on_s` seconds a share `rate` of the requests fails with `status`; all is well for `off_s`; and so on.

    announced: the errors say when their burst is over (Retry-After).
    """

    proven: ClassVar[Evidence] = "probes"

    kind: Literal["burst"]
    on_s: Annotated[float, Field(gt=0)]
    off_s: Annotated[float, Field(gt=0)]
    status: Status = 503
    rate: Rate = 1.0
    announced: bool | None = None

    def scaled(self, factor: float) -> Self:
        """As many bursts in a phase of any length."""
        return self.model_copy(update={"on_s": self.on_s * factor, "off_s": self.off_s * factor})
