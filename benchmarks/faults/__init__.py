"""What is done to a callee: one file a kind, each with a start, an end, a TTL, and a proof of both."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from benchmarks.faults.abort import Abort
from benchmarks.faults.crash import Crash
from benchmarks.faults.delay import Delay
from benchmarks.faults.fail_first import FailFirst
from benchmarks.faults.fault import Fault, FaultFailed, Proof, Victim, injected, victims
from benchmarks.faults.sequence import Sequence
from benchmarks.faults.site import Site
from benchmarks.faults.spec import Service, Spec

AnyFault = Annotated[Abort | Delay | FailFirst | Sequence | Crash, Field(discriminator="kind")]
"""Every kind that a scenario may name."""

__all__ = ["AnyFault", "Fault", "FaultFailed", "Proof", "Service", "Site", "Spec", "Victim", "injected", "victims"]
