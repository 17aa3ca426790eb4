"""What a client may be told to do about one dependency: immutable, validated, and able to say itself in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from resilience_lib.conditions import DEFAULT_RETRY_ON, retry_condition


class PolicyError(ValueError):
    """A policy is not valid; `errors` has a sentence for every bad field: where it is, and what would be right."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Try again, at most `attempts` times more, on the outcomes that `retry_on` names (Envoy's retryOn grammar).

    Before retry n the caller waits a random time below min(backoff_s * 2^(n-1), max_backoff_s) seconds. The defaults
    are those of istiod and Envoy: 2 retries, on connection failures only, 25 ms growing to 250 ms.
    """

    attempts: int = 2
    retry_on: str = DEFAULT_RETRY_ON
    backoff_s: float = 0.025
    max_backoff_s: float = 0.25

    def __post_init__(self) -> None:
        _refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        yield from _whole("attempts", self.attempts, 1, instead="leave `retry` out for no retries")
        if not isinstance(self.retry_on, str):
            yield f"retry_on: must be a text of comma-separated conditions, not {self.retry_on!r}"
        else:
            try:
                retry_condition(self.retry_on)
            except ValueError as error:
                yield f"retry_on: {error}"
        base, ceiling = [*_seconds("backoff_s", self.backoff_s)], [*_seconds("max_backoff_s", self.max_backoff_s)]
        yield from base
        yield from ceiling
        if not base and not ceiling and self.max_backoff_s < self.backoff_s:
            yield f"max_backoff_s: must be at least backoff_s ({self.backoff_s:g}), not {self.max_backoff_s:g}"

    def describe(self) -> str:
        """Say what the policy does."""
        times = "once" if self.attempts == 1 else f"up to {self.attempts} times"
        return (
            f"tries again {times} on {self.retry_on.replace(',', ', ')}, after a random pause below "
            f"{_time(self.backoff_s)} that doubles each time, up to {_time(self.max_backoff_s)}"
        )


@dataclass(frozen=True, slots=True)
class TimeoutPolicy:
    """Give up a try after `per_try_s` seconds, and the whole call, retries and pauses included, after `overall_s`."""

    per_try_s: float | None = None
    overall_s: float | None = None

    def __post_init__(self) -> None:
        _refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        for name in ("per_try_s", "overall_s"):
            if getattr(self, name) is not None:
                yield from _seconds(name, getattr(self, name))

    def describe(self) -> str:
        """Say what the policy does."""
        parts = []
        if self.per_try_s is not None:
            parts.append(f"gives up a try after {_time(self.per_try_s)}")
        if self.overall_s is not None:
            parts.append(f"gives up the whole call after {_time(self.overall_s)}")
        return " and ".join(parts) or "waits for as long as it takes"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Stop calling for `reset_s` seconds after `failures` failures in a row, then let one probe decide.

    The defaults are those of Envoy's outlier detection: consecutive_5xx 5, base_ejection_time 30 s.
    """

    failures: int = 5
    reset_s: float = 30.0

    def __post_init__(self) -> None:
        _refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        yield from _whole("failures", self.failures, 1, instead="leave `breaker` out for no breaker")
        yield from _seconds("reset_s", self.reset_s)

    def describe(self) -> str:
        """Say what the policy does."""
        failures = "each failure" if self.failures == 1 else f"{self.failures} failures in a row"
        return f"stops calling for {_time(self.reset_s)} after {failures}, then lets one probe decide"


@dataclass(frozen=True, slots=True)
class LimitsPolicy:
    """Allow so many tries at once, so many waiting for their turn, and so many calls being retried (None = any)."""

    connections: int | None = None
    pending: int | None = None
    retries: int | None = None

    def __post_init__(self) -> None:
        _refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        for name, low in (("connections", 1), ("pending", 0), ("retries", 0)):
            if getattr(self, name) is not None:
                yield from _whole(name, getattr(self, name), low, instead="leave it out for no limit")

    def describe(self) -> str:
        """Say what the policy does."""
        parts = []
        if self.connections is not None:
            queue = "any number" if self.pending is None else f"{self.pending}"
            parts.append(f"at most {self.connections} tries at once, with {queue} waiting")
        if self.retries is not None:
            parts.append(f"at most {self.retries} calls being retried")
        return "allows " + " and ".join(parts) if parts else "allows any number of calls at once"


@dataclass(frozen=True, slots=True)
class EdgePolicy:
    """Everything that a client does about one dependency; None = that part is not there."""

    retry: RetryPolicy | None = None
    timeout: TimeoutPolicy | None = None
    breaker: BreakerPolicy | None = None
    limits: LimitsPolicy | None = None

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return plain data: the parts that are there, with the fields that are set."""
        parts = {name: part for name, part in asdict(self).items() if part is not None}
        return {name: {k: v for k, v in part.items() if v is not None} for name, part in parts.items()}

    @classmethod
    def from_json(cls, data: object) -> EdgePolicy:
        """Read what to_json wrote; a part that is null counts as absent, a field that is absent has its default.

        Raises PolicyError with every error at once, each beginning with the path of its field (`retry.attempts`).
        """
        errors: list[str] = []
        known = _known("", data, list(PARTS), errors)
        parts = {name: _part(name, known.get(name), errors) for name in PARTS}
        if errors:
            raise PolicyError(errors)
        return cls(**parts)

    def describe(self) -> str:
        """Say what the policy does, a line for each part, from the outermost inwards; the empty policy says so too."""
        parts = (self.timeout, self.retry, self.breaker, self.limits)
        return "\n".join(part.describe() for part in parts if part is not None) or "calls, and takes what comes"


PARTS: dict[str, Any] = {
    "retry": RetryPolicy,
    "timeout": TimeoutPolicy,
    "breaker": BreakerPolicy,
    "limits": LimitsPolicy,
}
P = TypeVar("P")


def _part(name: str, data: object, errors: list[str]) -> Any:
    if data is None:
        return None
    kind = PARTS[name]
    known = _known(f"{name}.", data, [field.name for field in fields(kind)], errors)
    try:
        return kind(**known)
    except PolicyError as error:
        errors += [f"{name}.{sentence}" for sentence in error.errors]
        return None


def _known(path: str, data: object, names: list[str], errors: list[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        errors.append(f"{path.rstrip('.') or 'policy'}: must be an object with {', '.join(names)}, not {data!r}")
        return {}
    errors += [f"{path}{name}: unknown; choose from {', '.join(names)}" for name in data if name not in names]
    return {name: value for name, value in data.items() if name in names}


def _refuse(errors: Iterator[str]) -> None:
    found = [*errors]
    if found:
        raise PolicyError(found)


def _whole(name: str, value: object, low: int, *, instead: str) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        yield f"{name}: must be a whole number from {low} on ({instead}), not {value!r}"


def _seconds(name: str, value: object) -> Iterator[str]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:  # type: ignore[operator] # it is a number if we come so far
        yield f"{name}: must be a number of seconds above 0, not {value!r}"


def _time(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"
