"""When each request is meant to leave, where to, and with which frame: decided by the seed before the run begins."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, pairwise, repeat, takewhile
from random import Random
from typing import Annotated, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

T = TypeVar("T")
Pattern = Literal["constant", "poisson"]
What = Literal["frames", "dashboards"]

CAMERAS = (1, 2)
FASTEST = 10_000.0
"""Arrivals per second, at any time of a load."""


class Step(NamedTuple):
    """From `at_s` seconds into the run on, `rate` arrivals per second."""

    at_s: Annotated[float, Field(ge=0)]
    rate: Annotated[float, Field(gt=0, le=FASTEST)]


class Load(BaseModel):
    """Open-loop arrivals: `rate` per second on average, with equal gaps (`constant`) or exponential ones (`poisson`).

    `steps`, in order of time, change the rate on the way. `what`: frames for a collector, or looks at the dashboard
    of a control panel.

    Raises pydantic.ValidationError (a ValueError) that carries every wrong field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    pattern: Pattern
    rate: Annotated[float, Field(gt=0, le=FASTEST)]
    steps: tuple[Step, ...] = ()
    what: What = "frames"

    @field_validator("steps")
    @classmethod
    def _in_order(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        if any(one.at_s >= other.at_s for one, other in pairwise(steps)):
            raise ValueError("each must begin after the one before it")
        return steps


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request to come: `at_s` in seconds since the run's start, `entry` a `host:port`.

    `frame_seed` (32 bits) chooses the photo, and with it what must be stored; `camera` is one of CAMERAS.
    """

    index: int
    at_s: float
    entry: str
    frame_seed: int
    camera: int


def arrivals(load: Load, duration_s: float, seed: int, entries: Sequence[str]) -> list[Arrival]:
    """Schedule every arrival with 0 <= at_s < duration_s, in order: the same arguments, the same list on any machine.

    Times, entries, photos and cameras come from streams of their own, one draw for each arrival, so that nothing
    but the choice of an entry depends on how many entries there are.
    Raises ValueError when there is no entry, or the duration is not above zero.
    """
    if not entries:
        raise ValueError("entries: at least one host:port to send to")
    if not duration_s > 0:
        raise ValueError(f"duration_s: must be above 0, not {duration_s}")
    entry, photo, camera = (Random(f"{seed}/{stream}") for stream in ("entry", "photo", "camera"))
    times = takewhile(lambda at: at < duration_s, _times(load, Random(f"{seed}/times")))
    return [
        Arrival(index, at, _pick(entry, entries), photo.getrandbits(32), _pick(camera, CAMERAS))
        for index, at in enumerate(times)
    ]


def busiest(planned: Sequence[Arrival], span_s: float) -> int:
    """The most arrivals of a schedule within any `span_s` seconds; so many are in flight if each is held that long."""
    most, first = 0, 0
    for last, arrival in enumerate(planned):
        while planned[first].at_s <= arrival.at_s - span_s:
            first += 1
        most = max(most, last + 1 - first)
    return most


def _times(load: Load, stream: Random) -> Iterator[float]:
    """Arrivals of a rate that changes: those of rate 1, on a clock that runs at the rate of the moment.

    Source: the time-rescaling theorem (Brown et al., Neural Computation 14, 2002), read backwards.
    """
    units = count() if load.pattern == "constant" else accumulate(stream.expovariate(1.0) for _ in repeat(None))
    steps = deque(load.steps)
    begin, passed, rate = 0.0, 0.0, load.rate
    for unit in units:
        while steps and passed + (steps[0].at_s - begin) * rate <= unit:
            at_s, faster = steps.popleft()
            begin, passed, rate = at_s, passed + (at_s - begin) * rate, faster
        yield begin + (unit - passed) / rate


def _pick(stream: Random, of: Sequence[T]) -> T:
    """Choose with one draw whatever the size; `choice` may draw again, and how often depends on the size."""
    return of[int(stream.random() * len(of))]
