"""HTTP's Retry-After: how a callee says for how long it wants to be left alone, and what a caller makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from resilience_lib.outcome import Outcome


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, 0 for a moment that has passed; None if it says nothing.

    It is a whole number of seconds or an HTTP-date (RFC 9110, 10.2.3); `now` is aware of its zone.
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year or a zone beyond any number of C
        return None
    # RFC 9110, 5.6.7: a date without a zone is read as UTC
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


def asked_for(outcome: Outcome[object], most_s: float | None, left_s: float | None) -> float | None:
    """Return the seconds to leave the callee alone before a retry; None if it asks for more than may be waited.

    `most_s`: RetryPolicy.retry_after_s; `left_s`: what the call has left (None = any time). A call that could only be
    repeated when its time is over is over now: whoever waits for it has more of the answer at hand than of a timeout.
    """
    asked = outcome.retry_after_s
    if most_s is None or asked is None:
        return 0.0
    return None if asked > most_s or (left_s is not None and asked >= left_s) else asked
