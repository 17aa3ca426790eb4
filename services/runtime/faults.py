"""Faults at the callee: what this pod does wrong on purpose, for how long, and how often it did.

Kinds (`rate` is the fraction of requests struck; drawn from the fault's own seed):

    abort       status, rate     answers `status` instead of working
    delay       delay_ms, rate   waits, then works
    fail-first  count, status    aborts the next `count` requests, then is over
    sequence    statuses         one entry for each request, 200 lets it through; then is over

Every fault also ends `ttl_s` after it was set, so that a harness that dies leaves nothing broken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, NamedTuple

MAX_TTL_S = 3600.0
MAX_DELAY_MS = 600_000.0


class BadFault(ValueError):
    """A fault cannot be set; `errors` has a sentence for each bad field."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


class Strike(NamedTuple):
    """What a request is in for: `delay_s` first, then `status` instead of an answer (None: business code answers)."""

    delay_s: float = 0.0
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Abort:
    """Answers `status` to a fraction `rate` of requests."""

    status: int
    rate: float

    def strike(self, _turn: int, rng: Random) -> Strike | None:
        """Draw for one request."""
        return Strike(status=self.status) if rng.random() < self.rate else None

    def over(self, _turn: int) -> bool:
        """Only its TTL ends it."""
        return False


@dataclass(frozen=True, slots=True)
class Delay:
    """Makes a fraction `rate` of requests wait `delay_ms`."""

    delay_ms: float
    rate: float

    def strike(self, _turn: int, rng: Random) -> Strike | None:
        """Draw for one request."""
        return Strike(delay_s=self.delay_ms / 1000) if rng.random() < self.rate else None

    def over(self, _turn: int) -> bool:
        """Only its TTL ends it."""
        return False


@dataclass(frozen=True, slots=True)
class Sequence:
    """Answers by a script: request number `turn` gets `statuses[turn]`, where 200 lets it through."""

    statuses: tuple[int, ...]

    def strike(self, turn: int, _rng: Random) -> Strike | None:
        """Look up one request."""
        status = self.statuses[turn]
        return None if status == 200 else Strike(status=status)

    def over(self, turn: int) -> bool:
        """Tell whether the script has been played."""
        return turn >= len(self.statuses)


@dataclass(frozen=True, slots=True)
class FailFirst:
    """Answers `status` to the next `count` requests."""

    count: int
    status: int

    def strike(self, _turn: int, _rng: Random) -> Strike | None:
        """Fail, always."""
        return Strike(status=self.status)

    def over(self, turn: int) -> bool:
        """Tell whether enough have failed."""
        return turn >= self.count


Kind = Abort | Delay | FailFirst | Sequence


@dataclass(slots=True)
class _Active:
    name: str
    spec: dict[str, Any]
    kind: Kind
    rng: Random
    ends: float
    turn: int = field(default=0)


class Faults:
    """The faults of one pod. `clock` gives seconds; `pod` is mixed into each seed, so that replicas draw apart."""

    def __init__(self, pod: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._pod = pod
        self._clock = clock
        self._active: dict[str, _Active] = {}
        self.fired: dict[str, int] = {}

    def add(self, body: object) -> dict[str, Any]:
        """Set the fault that `body` (JSON) describes, and return it as listed; raises BadFault."""
        now = self._clock()
        self._prune(now)
        errors: list[str] = []
        spec = body if isinstance(body, dict) else {}
        if not isinstance(body, dict):
            raise BadFault(["body: must be a JSON object"])
        name = spec.get("id")
        if not isinstance(name, str) or not name or "/" in name:
            errors.append("id: must be a text without a slash")
        elif name in self._active:
            errors.append(f"id: {name!r} is active; delete it first")
        ttl_s = _number(spec, "ttl_s", 0, MAX_TTL_S, errors)
        seed = _whole(spec, "seed", 0, 2**63 - 1, errors) if "seed" in spec else 0
        kind = _kind(spec, errors)
        if errors or kind is None:
            raise BadFault(errors)
        name = str(name)
        known = {"kind": spec["kind"], "ttl_s": ttl_s, "seed": seed, **asdict(kind)}
        self._active[name] = _Active(name, known, kind, Random(f"{seed}/{self._pod}/{name}"), now + ttl_s)
        self.fired.setdefault(name, 0)
        return self._listed(self._active[name], now)

    def remove(self, name: str) -> bool:
        """End one fault; False if there is none of that name."""
        self._prune(self._clock())
        return self._active.pop(name, None) is not None

    def clear(self) -> None:
        """End all faults."""
        self._active.clear()

    def reset(self) -> None:
        """End all faults and forget how often they fired."""
        self.clear()
        self.fired.clear()

    def listing(self) -> dict[str, Any]:
        """Return active faults, and how often each fired, those that are gone included."""
        now = self._clock()
        self._prune(now)
        return {"faults": [self._listed(fault, now) for fault in self._active.values()], "fired": dict(self.fired)}

    def strike(self) -> Strike:
        """Decide for one request: delays add up, the first abort decides the status."""
        if not self._active:
            return Strike()
        self._prune(self._clock())
        delay_s, status = 0.0, None
        for fault in self._active.values():
            struck = fault.kind.strike(fault.turn, fault.rng)
            fault.turn += 1
            if struck is not None:
                self.fired[fault.name] += 1
                delay_s += struck.delay_s
                status = struck.status if status is None else status
        return Strike(delay_s, status)

    def _prune(self, now: float) -> None:
        over = [name for name, fault in self._active.items() if now >= fault.ends or fault.kind.over(fault.turn)]
        for name in over:
            del self._active[name]

    def _listed(self, fault: _Active, now: float) -> dict[str, Any]:
        left = round(max(0.0, fault.ends - now), 3)
        return {"id": fault.name, **fault.spec, "expires_in_s": left, "fired": self.fired[fault.name]}


def _kind(spec: Mapping[str, Any], errors: list[str]) -> Kind | None:
    match spec.get("kind"):
        case "abort":
            allowed = {"status", "rate"}
            made: Kind = Abort(_status(spec, errors), _rate(spec, errors))
        case "delay":
            allowed = {"delay_ms", "rate"}
            made = Delay(_number(spec, "delay_ms", 0, MAX_DELAY_MS, errors), _rate(spec, errors))
        case "fail-first":
            allowed = {"count", "status"}
            made = FailFirst(_whole(spec, "count", 1, 10**9, errors), _status(spec, errors))
        case "sequence":
            allowed = {"statuses"}
            made = Sequence(_statuses(spec, errors))
        case _:
            errors.append("kind: must be one of abort, delay, fail-first, sequence")
            return None
    unknown = sorted(set(spec) - allowed - {"id", "kind", "ttl_s", "seed"})
    errors += [f"{name}: is no field of {spec['kind']} (it has {', '.join(sorted(allowed))})" for name in unknown]
    return made


def _is_error(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599


def _status(spec: Mapping[str, Any], errors: list[str]) -> int:
    if not _is_error(spec.get("status")):
        errors.append("status: must be a whole number from 400 to 599")
        return 0
    return int(spec["status"])


def _statuses(spec: Mapping[str, Any], errors: list[str]) -> tuple[int, ...]:
    value = spec.get("statuses")
    if not isinstance(value, list) or not value or not all(_is_error(entry) or entry == 200 for entry in value):
        errors.append("statuses: must be a list of at least one of 200 or 400 to 599")
        return ()
    return tuple(value)


def _rate(spec: Mapping[str, Any], errors: list[str]) -> float:
    return _number(spec, "rate", 0, 1, errors)


def _number(spec: Mapping[str, Any], name: str, low: float, high: float, errors: list[str]) -> float:
    """Read a number in (low, high]."""
    value = spec.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low < value <= high:
        errors.append(f"{name}: must be a number above {low:g}, up to {high:g}")
        return 0.0
    return float(value)


def _whole(spec: Mapping[str, Any], name: str, low: int, high: int, errors: list[str]) -> int:
    value = spec.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        errors.append(f"{name}: must be a whole number from {low} to {high}")
        return 0
    return value
