"""A service does not hear one of its callers any more; everybody else reaches it, and it reaches everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from benchmarks.faults.in_app import Evidence, InAppSpec
from benchmarks.faults.spec import Service


class Partition(InAppSpec):
    """What `caller` sends to the service is never answered (`silence`) or reset (`reset`); on some replicas: partial.

    It acts at the callee, past its sidecar: a connection is accepted, and then nothing comes back on it.
    """

    proven: ClassVar[Evidence] = "probes"

    kind: Literal["partition"]
    caller: Service
    how: Literal["silence", "reset"] = "silence"

    def told(self) -> tuple[str, Mapping[str, Any]]:
        """It is a hang or a reset for one caller."""
        return ("hang" if self.how == "silence" else "reset"), {"rate": 1.0, "caller": self.caller}
