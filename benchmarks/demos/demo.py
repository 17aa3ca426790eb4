"""What a demonstration is: what it does to a running application, and what must then be seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.binomial import within
from benchmarks.demos.airport import Airport


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `what` names the calls or the counter, `shown` says whether it was as expected."""

    what: str
    expected: str
    seen: str
    shown: bool


Run = Callable[[Airport], Awaitable[list[Check]]]
"""Act on an airport that is in its first state, and look at what comes of it."""


@dataclass(frozen=True, slots=True)
class Counterpart:
    """The same in the client library: a world of its own, whose policies are derived from Istio objects.

    `objects` is a file under istio/manifests/demos, or None for a client that makes one try and no more; `mode` is
    `library`, or `library-endpoints` where the client must see replicas. `deployments`: what is started; all if empty.
    """

    run: Run
    objects: str | None = None
    mode: str = "library"
    deployments: tuple[str, ...] = ()
    replicas: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Demo:
    """One target of the airport demo. `library`: its counterpart in code, or why there is none.

    `asks_the_gateway`: it is proven by what the ingress gateway counts, which a cluster's may not tell.
    """

    name: str
    about: str
    run: Run
    library: Counterpart | str
    replicas: Mapping[str, int] = field(default_factory=dict)
    asks_the_gateway: bool = False


def same(what: str, expected: object, seen: object) -> Check:
    """Check what has one right value."""
    return Check(what, _words(expected), _words(seen), expected == seen)


def at_least(what: str, expected: float, seen: float, unit: str = "") -> Check:
    """Check a figure that may be larger."""
    return Check(what, f"{expected:g} or more{unit}", f"{seen:.4g}{unit}", seen >= expected)


def by_chance(what: str, share: float, seen: int, trials: int) -> Check:
    """Check a count of independent trials, by the exact binomial tails."""
    return Check(what, f"about {share * trials:.0f} of {trials}", f"{seen} of {trials}", within(seen, trials, share))


def _words(value: object) -> str:
    """A value as a person reads it."""
    if isinstance(value, dict):
        return ", ".join(f"{value[each]} x {each}" for each in sorted(value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set):
        return ", ".join(map(_words, sorted(value) if isinstance(value, set) else value)) or "none"
    return str(value)
