"""What is done to a callee: each fault with a start, an end, a TTL, and a proof of both."""

from benchmarks.faults.crash import Crash
from benchmarks.faults.fault import Fault, FaultFailed, Proof, Victim, injected, victims
from benchmarks.faults.in_app import InApp

__all__ = ["Crash", "Fault", "FaultFailed", "InApp", "Proof", "Victim", "injected", "victims"]
