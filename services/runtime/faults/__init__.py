"""Faults at the callee: what this pod does wrong on purpose, for how long, and how often it did. One file a kind."""

from __future__ import annotations

from services.runtime.faults.active import Faults
from services.runtime.faults.fields import BadFault
from services.runtime.faults.kind import Cut, Stage, Strike

__all__ = ["BadFault", "Cut", "Faults", "Stage", "Strike"]
