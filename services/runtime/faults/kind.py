"""What a kind of fault is: it strikes requests, or it is a condition of the whole process, or both."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import ClassVar, NamedTuple, Protocol, Self

from services.runtime.faults.fields import Fields


class Cut(Enum):
    """How a connection ends without an answer."""

    RESET = "reset"
    """At once, with TCP's RST."""
    HANG = "hang"
    """Not before the fault is over: until then the caller waits."""


class Body(NamedTuple):
    """How the body of an answer leaves: at `bytes_per_s` (None: at once), and only this `share` of it."""

    bytes_per_s: float | None = None
    share: float = 1.0


class Moment(NamedTuple):
    """One request as a fault sees it: the number `turn` since the fault began, after `age_s` seconds of it."""

    turn: int
    age_s: float
    rng: Random


class Effect(NamedTuple):
    """What a fault does to one request: wait `delay_s`, then `end` instead of an answer (a status, or a cut).

    `late`: after business code has worked, and not before. `body`: how the answer leaves, whatever it is.
    `retry_after_s`: what a status that ends it says in Retry-After, in whole seconds as HTTP has it.
    """

    delay_s: float = 0.0
    end: int | Cut | None = None
    late: bool = False
    body: Body | None = None
    retry_after_s: int | None = None


class Stage(NamedTuple):
    """What a request is in for before business code, or after it; `over` is set when a fault that hangs is over."""

    delay_s: float = 0.0
    end: int | Cut | None = None
    over: asyncio.Event | None = None
    retry_after_s: int | None = None


class Strike(NamedTuple):
    """What all faults together do to one request."""

    before: Stage = Stage()
    after: Stage = Stage()
    body: Body | None = None

    @property
    def cuts(self) -> bool:
        """Whether it ends the connection: then a caller that is gone has not given up by itself."""
        return isinstance(self.before.end, Cut) or isinstance(self.after.end, Cut)

    @property
    def flag(self) -> str | None:
        """Envoy's flag for it: FI, DI for nothing worse than a delay, None for nothing at all."""
        if self == UNTOUCHED:
            return None
        worse = self.before.end is not None or self.after.end is not None or self.body is not None
        return "FI" if worse else "DI"


UNTOUCHED = Strike()


class Door(Protocol):
    """Where callers of this pod connect."""

    async def shut(self) -> None:
        """Refuse new connections, and end those that stand."""

    async def open(self) -> None:
        """Accept connections again."""


@dataclass(frozen=True, slots=True)
class Kind(ABC):
    """One kind of fault with its own fields. Frozen: what changes while it is active is elsewhere."""

    lasting: ClassVar[bool] = False
    """Whether it must end at its time to the moment: it is a condition, or holds requests."""

    @classmethod
    @abstractmethod
    def read(cls, fields: Fields) -> Self:
        """Read its fields; what is wrong is in `fields.errors`."""

    def strike(self, _moment: Moment) -> Effect | None:
        """Decide for one request; None leaves it alone."""
        return None

    def over(self, _turn: int) -> bool:
        """Tell whether it has ended by itself, before its TTL."""
        return False

    async def hold(self, _door: Door, _fired: Callable[[], None]) -> None:  # noqa: B027 - most kinds are no condition
        """Make this process sick until cancelled, and well again then; `fired` counts each proof of being sick."""
