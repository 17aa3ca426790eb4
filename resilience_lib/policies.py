"""What a client may be told to do about one dependency: immutable, validated, and able to say itself in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from resilience_lib.conditions import DEFAULT_RETRY_ON, retry_condition
from resilience_lib.strengths import FallbackPolicy, HedgePolicy
from resilience_lib.validation import duration, read_parts, refuse, seconds, whole, write_parts


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Try again, at most `attempts` times more, on the outcomes that `retry_on` names (Envoy's retryOn grammar).

    Before retry n the caller waits a random time below min(backoff_s * 2^(n-1), max_backoff_s) seconds. The defaults
    are those of istiod and Envoy: 2 retries, on connection failures only, 25 ms growing to 250 ms.

    retry_after_s: a callee that asks to be left alone for up to so many seconds (HTTP's Retry-After) is left alone for
    that long before its pause begins; one that asks for more, or for more than the call has left, gets no retry. None:
    what it asks for is disregarded, as Envoy does unless its route has a `rate_limited_retry_back_off` with
    `reset_headers`, which istiod never writes.
    """

    attempts: int = 2
    retry_on: str = DEFAULT_RETRY_ON
    backoff_s: float = 0.025
    max_backoff_s: float = 0.25
    retry_after_s: float | None = None

    def __post_init__(self) -> None:
        refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        yield from whole("attempts", self.attempts, 1, instead="leave `retry` out for no retries")
        if not isinstance(self.retry_on, str):
            yield f"retry_on: must be a text of comma-separated conditions, not {self.retry_on!r}"
        else:
            try:
                retry_condition(self.retry_on)
            except ValueError as error:
                yield f"retry_on: {error}"
        base, ceiling = [*seconds("backoff_s", self.backoff_s)], [*seconds("max_backoff_s", self.max_backoff_s)]
        yield from base
        yield from ceiling
        if self.retry_after_s is not None:
            yield from seconds("retry_after_s", self.retry_after_s)
        if not base and not ceiling and self.max_backoff_s < self.backoff_s:
            yield f"max_backoff_s: must be at least backoff_s ({self.backoff_s:g}), not {self.max_backoff_s:g}"

    def describe(self) -> str:
        """Say what the policy does."""
        asked = "" if self.retry_after_s is None else f"; waits up to {duration(self.retry_after_s)} if asked to"
        times = "once" if self.attempts == 1 else f"up to {self.attempts} times"
        return (
            f"tries again {times} on {self.retry_on.replace(',', ', ')}, after a random pause below "
            f"{duration(self.backoff_s)} that doubles each time, up to {duration(self.max_backoff_s)}{asked}"
        )


@dataclass(frozen=True, slots=True)
class TimeoutPolicy:
    """Give up a try after `per_try_s` seconds, and the whole call, retries and pauses included, after `overall_s`.

    propagate: each try knows how long it has (`time_left`), so that the callee can be told; and a call that is made on
    behalf of another one ends when that one's time is over.
    """

    per_try_s: float | None = None
    overall_s: float | None = None
    propagate: bool = False

    def __post_init__(self) -> None:
        refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        for name in ("per_try_s", "overall_s"):
            if getattr(self, name) is not None:
                yield from seconds(name, getattr(self, name))
        if not isinstance(self.propagate, bool):
            yield f"propagate: must be true or false, not {self.propagate!r}"

    def describe(self) -> str:
        """Say what the policy does."""
        parts = []
        if self.per_try_s is not None:
            parts.append(f"gives up a try after {duration(self.per_try_s)}")
        if self.overall_s is not None:
            parts.append(f"gives up the whole call after {duration(self.overall_s)}")
        told = "; keeps to its caller's deadline, and tells the callee what is left" if self.propagate else ""
        return (" and ".join(parts) or "waits for as long as it takes") + told


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Stop calling for `reset_s` seconds after `failures` failures in a row, then let one probe decide.

    The defaults are those of Envoy's outlier detection: consecutive_5xx 5, base_ejection_time 30 s.
    """

    failures: int = 5
    reset_s: float = 30.0

    def __post_init__(self) -> None:
        refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        yield from whole("failures", self.failures, 1, instead="leave `breaker` out for no breaker")
        yield from seconds("reset_s", self.reset_s)

    def describe(self) -> str:
        """Say what the policy does."""
        failures = "each failure" if self.failures == 1 else f"{self.failures} failures in a row"
        return f"stops calling for {duration(self.reset_s)} after {failures}, then lets one probe decide"


@dataclass(frozen=True, slots=True)
class LimitsPolicy:
    """Allow so many tries at once, so many waiting for their turn, and so many calls being retried (None = any)."""

    connections: int | None = None
    pending: int | None = None
    retries: int | None = None

    def __post_init__(self) -> None:
        refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        for name, low in (("connections", 1), ("pending", 0), ("retries", 0)):
            if getattr(self, name) is not None:
                yield from whole(name, getattr(self, name), low, instead="leave it out for no limit")

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
    hedge: HedgePolicy | None = None
    fallback: FallbackPolicy | None = None

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return plain data: the parts that are there, with the fields that are set."""
        return write_parts(self)

    @classmethod
    def from_json(cls, data: object) -> EdgePolicy:
        """Read what to_json wrote; a part that is null counts as absent, a field that is absent has its default.

        Raises PolicyError with every error at once, each beginning with the path of its field (`retry.attempts`).
        """
        return cls(**read_parts(data, PARTS))

    def describe(self) -> str:
        """Say what the policy does, a line for each part, from the outermost inwards; the empty policy says so too."""
        parts = (self.fallback, self.timeout, self.retry, self.hedge, self.breaker, self.limits)
        return "\n".join(part.describe() for part in parts if part is not None) or "calls, and takes what comes"


PARTS: dict[str, Any] = {
    "retry": RetryPolicy,
    "timeout": TimeoutPolicy,
    "breaker": BreakerPolicy,
    "limits": LimitsPolicy,
    "hedge": HedgePolicy,
    "fallback": FallbackPolicy,
}
