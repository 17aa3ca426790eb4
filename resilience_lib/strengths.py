"""Policies that a client has and a sidecar does not: it knows what a question is, and what an old answer is worth.

`TimeoutPolicy.propagate` and `RetryPolicy.retry_after_s` belong to these too; they stand with what they change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resilience_lib.validation import duration, percent, refuse, seconds, whole


@dataclass(frozen=True, slots=True)
class FallbackPolicy:
    """Answer a question whose call failed with the last good answer, if it is at most `max_age_s` seconds old.

    The answers to the `entries` questions that were answered last are kept.
    """

    max_age_s: float = 60.0
    entries: int = 100

    def __post_init__(self) -> None:
        refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        yield from seconds("max_age_s", self.max_age_s)
        yield from whole("entries", self.entries, 1, instead="leave `fallback` out for none")

    def describe(self) -> str:
        """Say what the policy does."""
        return (
            f"answers what fails with the last good answer, marked as old, if it is at most {duration(self.max_age_s)} "
            f"old; keeps {self.entries} of them"
        )


@dataclass(frozen=True, slots=True)
class HedgePolicy:
    """Send a try once more when it has no answer after `delay_s` seconds, and take whichever answers first.

    At most `percent` of the tries under way are hedged at once, and `minimum` in any case.
    """

    delay_s: float = 0.1
    percent: float = 10.0
    minimum: int = 1

    def __post_init__(self) -> None:
        refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        yield from seconds("delay_s", self.delay_s)
        yield from percent("percent", self.percent)
        yield from whole("minimum", self.minimum, 0, instead="0 for none")

    def describe(self) -> str:
        """Say what the policy does."""
        return (
            f"sends a try once more when it has no answer after {duration(self.delay_s)}, and takes whichever answers "
            f"first: {self.percent:g} % of those under way at most, and {self.minimum} in any case"
        )
