"""What an oracle is: a result that is known beforehand, the world it is tried in, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from benchmarks.oracles.ground import Ground
from benchmarks.oracles.stage import Stage


@dataclass(frozen=True, slots=True)
class Check:
    """One figure that was measured beside what it must be.

    `low` and `high`, both allowed, are the interval of the *prediction*: by chance, at the level that the trial was
    given, or of certain bounds where `by_chance` is False. `n`: how many frames or calls the figure is made of.
    """

    what: str
    predicted: float
    low: float
    high: float
    measured: float
    n: int
    by_chance: bool = True

    @property
    def passed(self) -> bool:
        """Whether the harness hit what it had to hit."""
        return self.n > 0 and self.low <= self.measured <= self.high


Run = Callable[[Stage, float], Awaitable[list[Check]]]
"""Try an oracle on a stage; the second argument is the level of the intervals of its checks by chance (0.999...)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One oracle in one world. `chances`: how many of its checks are by chance."""

    ground: Ground
    run: Run
    chances: int


@dataclass(frozen=True, slots=True)
class Oracle:
    """A closed form that a correct harness must hit. `about` says it in a line."""

    name: str
    about: str
    trials: tuple[Trial, ...]
