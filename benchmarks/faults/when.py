"""Before business code or after it: the choice of every fault that may strike on either side of the work."""

from __future__ import annotations

from typing import Literal

When = Literal["before", "after"]
"""`after`: the work is done and stored, and only its answer is lost, late or wrong."""
