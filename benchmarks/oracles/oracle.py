"""What an oracle is: a result that is known beforehand, the world it is tried in, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from benchmarks.closed_form import sum_bounds
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

    @classmethod
    def drawn(cls, what: str, mass: Sequence[float], n: int, level: float, measured: float) -> Check:
        """The mean of `n` independent draws, each of which is k with probability `mass[k]`; certain if there is one k.

        A share of probability p has the mass [1 - p, p].
        """
        low, high = sum_bounds(mass, n, level)
        predicted = sum(k * likely for k, likely in enumerate(mass))
        return cls(what, predicted, low / max(1, n), high / max(1, n), measured, n, max(mass) < 1)

    @classmethod
    def exact(cls, what: str, predicted: float, measured: float, n: int) -> Check:
        """What allows of nothing but itself."""
        return cls(what, predicted, predicted, predicted, measured, n, by_chance=False)


Run = Callable[[Stage, float], Coroutine[None, None, list[Check]]]
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
