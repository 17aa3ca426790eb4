"""What is done to a callee: one file a kind, each with a start, an end, a TTL, and a proof of both."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from benchmarks.faults.abort import Abort
from benchmarks.faults.burst import Burst
from benchmarks.faults.config_withdrawn import ConfigWithdrawn
from benchmarks.faults.cpu_burn import CpuBurn
from benchmarks.faults.crash import Crash
from benchmarks.faults.delay import Delay
from benchmarks.faults.expired_certificate import ExpiredCertificate
from benchmarks.faults.fail_first import FailFirst
from benchmarks.faults.fault import Fault, FaultFailed, Proof, Victim, as_victims, injected, victims
from benchmarks.faults.freeze import Freeze
from benchmarks.faults.hang import Hang
from benchmarks.faults.library_missing import LibraryMissing
from benchmarks.faults.memory import Memory
from benchmarks.faults.partition import Partition
from benchmarks.faults.refuse import Refuse
from benchmarks.faults.reset import Reset
from benchmarks.faults.sequence import Sequence
from benchmarks.faults.sidecar_crash import SidecarCrash
from benchmarks.faults.sidecar_freeze import SidecarFreeze
from benchmarks.faults.site import Site
from benchmarks.faults.slow_body import SlowBody
from benchmarks.faults.spec import Service, Spec
from benchmarks.faults.stale_discovery import StaleDiscovery
from benchmarks.faults.truncated_body import TruncatedBody

AnyFault = Annotated[
    Abort
    | Burst
    | ConfigWithdrawn
    | CpuBurn
    | Crash
    | Delay
    | ExpiredCertificate
    | FailFirst
    | Freeze
    | Hang
    | LibraryMissing
    | Memory
    | Partition
    | Refuse
    | Reset
    | Sequence
    | SidecarCrash
    | SidecarFreeze
    | SlowBody
    | StaleDiscovery
    | TruncatedBody,
    Field(discriminator="kind"),
]
"""Every kind that a scenario may name."""

__all__ = [
    "AnyFault",
    "Fault",
    "FaultFailed",
    "Proof",
    "Service",
    "Site",
    "Spec",
    "Victim",
    "as_victims",
    "injected",
    "victims",
]
