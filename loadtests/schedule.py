"""When each request is meant to leave, where to, and with which frame: decided by the seed before the run begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, repeat, takewhile
from random import Random
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
Pattern = Literal["constant", "poisson"]

CAMERAS = (1, 2)


class Load(BaseModel):
    """Open-loop arrivals: `rate` per second on average, with equal gaps (`constant`) or exponential ones (`poisson`).

    Raises pydantic.ValidationError (a ValueError) that carries every wrong field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    pattern: Pattern
    rate: Annotated[float, Field(gt=0, le=10_000)]


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


def _times(load: Load, stream: Random) -> Iterator[float]:
    if load.pattern == "constant":
        return (index / load.rate for index in count())
    return accumulate(stream.expovariate(rate) for rate in repeat(load.rate))


def _pick(stream: Random, of: Sequence[T]) -> T:
    """Choose with one draw whatever the size; `choice` may draw again, and how often depends on the size."""
    return of[int(stream.random() * len(of))]
