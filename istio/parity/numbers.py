"""What one arm does in one respect, and whose number that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from istio.library import NotCarried

Value: TypeAlias = int | float | str | bool | None
ISTIO, ENVOY, LIBRARY, CLIENT, NETWORK, PODS = "Istio", "Envoy", "library", "aiohttp", "Kubernetes", "goaround"
"""Whose a number is that no object writes; PODS: what goaround gives the client of every pod, in every mode alike."""
CARRIED = "translated"
"""Of a library's number whose origin is still to be found: an object, or the default that was carried over."""


@dataclass(frozen=True, slots=True)
class Number:
    """A value (None: there is none), and where it comes from.

    `whose`: an object that writes it (`DestinationRule airport/alerts`, with path, file and line), or whose default.
    """

    value: Value
    whose: str
    path: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One respect: what each arm does, by mode, and why a client's arm does not do what the mesh does, by mode."""

    name: str
    unit: str
    numbers: Mapping[str, Number]
    apart: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Edge:
    """What becomes of the calls of some callers to one callee.

    `notes`: what differs in time or order where all numbers are equal. `left`: what a client does not carry, by mode.
    """

    callers: tuple[str, ...]
    callee: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    left: Mapping[str, tuple[NotCarried, ...]]
