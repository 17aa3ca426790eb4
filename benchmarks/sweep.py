"""A sweep: one scenario at every point of a grid, of its own fields and of the fields of policies."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from istio import settings
from istio.objects import Refused

Value = bool | int | float | str
Axes = Mapping[str, Sequence[Value]]

FIELDS = ("fault", "load", "phases", "slo")
"""What of a scenario may be swept: a path begins with one of these, or with one of `istio.settings.ROOTS`."""


def is_policy(path: str) -> bool:
    """Whether a path leads into policies, and not into the scenario."""
    return path.partition(".")[0] in settings.ROOTS


def is_field(path: str) -> bool:
    """Whether a path leads into a part of the scenario that may be swept."""
    return path.partition(".")[0] in FIELDS


def problems(axes: Axes) -> Iterator[str]:
    """What is wrong with the axes themselves, one sentence each, opening with the axis."""
    for path, values in axes.items():
        root = path.partition(".")[0]
        if not is_field(path) and not is_policy(path):
            choices = ", ".join((*FIELDS, *settings.ROOTS))
            yield f"{path}: begins with nothing that can be swept; choose one of: {choices}"
        if not values:
            yield f"{path}: is an empty list; write the values to try, such as [0.1, 0.3]"
        if len({named(path, value) for value in values}) < len(values):
            yield f"{path}: has a value twice; write each once"
        if root in settings.ROOTS:
            for value in values:
                try:
                    settings.check({path: value})
                except Refused as refused:
                    yield from (f"{named(path, value)}: {fault.path}: {fault.message}" for fault in refused.errors)


def points(axes: Iterable[tuple[str, Sequence[Value]]]) -> list[dict[str, Value]]:
    """Every point of the grid, the last axis fastest; one empty point without axes."""
    paths, values = zip(*axes, strict=True) if (axes := list(axes)) else ((), ())
    return [dict(zip(paths, point, strict=True)) for point in product(*values)]


def named(path: str, value: Value) -> str:
    """`fault.rate=0.1`."""
    return f"{path}={value}"


def name(point: Mapping[str, Value]) -> str:
    """`@fault.rate=0.1,load.rate=30`; nothing for the empty point."""
    return "@" + ",".join(named(path, value) for path, value in point.items()) if point else ""


def placed(document: Mapping[str, Any], point: Mapping[str, Value]) -> dict[str, Any]:
    """A scenario's document with the values of a point in their places.

    Raises LookupError with a sentence when a path leads through something that has no fields.
    """
    made = copy.deepcopy(dict(document))
    for path, value in point.items():
        *way, last = path.split(".")
        here: Any = made
        for step in way:
            here = here.get(step) if isinstance(here, dict) else None
        if not isinstance(here, dict):
            raise LookupError(f"the scenario has no fields at {'.'.join(way)!r}")
        here[last] = value
    return made
