"""What an operator does to a world under load: one file a kind, with a start, an end and a proof as a fault has."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from benchmarks.actions.action import Action
from benchmarks.actions.apply import Apply
from benchmarks.actions.canary import Canary
from benchmarks.actions.rolling_restart import RollingRestart
from benchmarks.actions.scale import Scale

AnyAction = Annotated[Apply | Canary | RollingRestart | Scale, Field(discriminator="kind")]
"""Every kind that a scenario may name."""

__all__ = ["Action", "AnyAction"]
