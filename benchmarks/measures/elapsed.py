"""A time until something happened, or the knowledge that it had not happened when the watch ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Elapsed:
    """It happened, `seconds` after the clock was started."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Censored:
    """It had not happened `after_s` seconds on, when nobody looked any more: no number, no order, no mean.

    To average such times as if they were numbers calls the worst cells quick. Source: Kaplan and Meier (1958).
    """

    after_s: float


Time: TypeAlias = Elapsed | Censored
