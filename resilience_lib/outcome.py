"""What a call came to: a status, and in Envoy's vocabulary the reason when no answer came."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Flag(StrEnum):
    """Why the client, and not the callee, chose the status: Envoy's response flags, the ones that a client can set."""

    CONNECT_FAILURE = "UF"
    """No connection could be opened (503)."""
    CLOSED = "UC"
    """The connection was reset or closed before the answer was complete (503)."""
    PROTOCOL = "UPE"
    """What came was no HTTP (502)."""
    TIMEOUT = "UT"
    """A try, or the whole call, took too long (504)."""
    OVERFLOW = "UO"
    """A limit or an open breaker refused the call (503), or a limit refused a retry (the answer at hand is kept)."""
    NO_HEALTHY_HOST = "UH"
    """There was no replica that could be called (503)."""
    FALLBACK = "FB"
    """The call failed, and this is the last good answer, `age_s` seconds old. Envoy has no such flag."""
    RETRIES_USED_UP = "URX"
    """The last try failed as well, and no more were allowed; the status is the last one."""


class Verdict(Enum):
    """What an outcome says about the callee's health."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"


class Outcome(NamedTuple, Generic[T_co]):
    """The end of one try, or of a whole call.

    status: the HTTP status that the caller is shown. flag: None when the callee itself answered.
    value: whatever the transport hands over with an answer; None where there is no answer.
    sent: False when not a byte of the request can have reached the callee.
    final: no retry may follow: the call was refused, its deadline has passed, or the answer had already begun
    (Envoy passes the head of an answer on at once, so it cannot take it back either).
    attempts: how often the transport was called; 0 means that the outcome says nothing about the callee.
    retry_after_s: for how long the callee asked to be left alone (HTTP's Retry-After). age_s: of a fallback.
    """

    status: int
    flag: Flag | None = None
    value: T_co | None = None
    sent: bool = True
    final: bool = False
    attempts: int = 1
    retry_after_s: float | None = None
    age_s: float | None = None

    @property
    def verdict(self) -> Verdict:
        """Judge as Envoy's outlier detection does with external and local origin errors together.

        Any 5xx counts against the callee, the 503 and 504 that stand for a lost or late answer included; every other
        answer counts for it, a 4xx too; what never reached the callee counts for nothing, and neither does what it
        said some time ago.
        """
        if self.attempts == 0 or self.flag is Flag.FALLBACK:
            return Verdict.IGNORED
        return Verdict.FAILURE if self.status >= 500 else Verdict.SUCCESS


def refused() -> Outcome[Any]:
    """Return the outcome of a call that an open breaker or a limit did not let through."""
    return Outcome(503, Flag.OVERFLOW, sent=False, final=True, attempts=0)


def no_healthy_host() -> Outcome[Any]:
    """Return the outcome of a call, or of a retry, for which there was no replica: none at all, or all are ejected."""
    return Outcome(503, Flag.NO_HEALTHY_HOST, sent=False, final=True, attempts=0)


def try_timed_out() -> Outcome[Any]:
    """Return the outcome of a try that took longer than its own limit."""
    return Outcome(504, Flag.TIMEOUT)


def call_timed_out(*, during_try: bool) -> Outcome[Any]:
    """Return the outcome of a call whose overall deadline passed, in the middle of a try or between tries."""
    return Outcome(504, Flag.TIMEOUT, sent=during_try, final=True, attempts=int(during_try))
