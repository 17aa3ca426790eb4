"""Envoy's retryOn grammar, as a predicate over outcomes.

The meaning of each word is that of Envoy's router (config.route.v3.RetryPolicy.retry_on and
source/common/router/retry_state_impl.cc), for plain HTTP/1.1.
"""

from __future__ import annotations

from collections.abc import Callable

from resilience_lib.outcome import Flag, Outcome

DEFAULT_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
"""What istiod puts on a route that says nothing of retries: of these, only connect-failure can match plain HTTP."""

STATUSES = {
    "5xx": range(500, 600),
    "gateway-error": (502, 503, 504),
    "retriable-4xx": (409,),
    "retriable-status-codes": (),  # the codes are the numbers beside it
}
ANY_LOST_ANSWER = frozenset({"5xx", "gateway-error", "reset"})
"""Envoy treats a lost or late answer as the 5xx that it would turn into, whatever that number is."""
CONNECTION = frozenset({"reset", "reset-before-request", "connect-failure"})
NEVER_OVER_HTTP_1 = frozenset(
    {
        # gRPC statuses, which a plain answer does not carry
        *("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
        # signals of HTTP/2 and HTTP/3
        *("refused-stream", "http3-post-connect-failure"),
        # headers of the answer, which an outcome does not carry; Istio has no way to list the retriable ones
        *("retriable-headers", "envoy-ratelimited"),
    }
)
WORDS = tuple(sorted({*STATUSES, *CONNECTION, *NEVER_OVER_HTTP_1}))
LOST = frozenset({Flag.CONNECT_FAILURE, Flag.CLOSED, Flag.PROTOCOL, Flag.TIMEOUT})

Condition = Callable[[Outcome[object]], bool]


def retry_condition(text: str) -> Condition:
    """Compile `text`, a comma-separated list of Envoy's retryOn words and of bare statuses, into a predicate.

    The predicate is positive: it says which outcomes to retry, and never sees an exception, so a cancelled call
    cannot be retried by omission. A final outcome never matches. A status in the list matches answers only: a lost
    answer needs 5xx, gateway-error, reset, or a word that names how it was lost.
    Raises ValueError that names every unknown word and the choices.
    """
    tokens = [token.strip() for token in text.split(",")]
    unknown = [token for token in tokens if token not in WORDS and not _is_status(token)]
    if unknown:
        named = ", ".join(repr(token) for token in unknown)
        raise ValueError(f"{named}: choose from {', '.join(WORDS)}, or a status from 100 to 599")
    words = frozenset(tokens)
    statuses = frozenset(int(token) for token in tokens if _is_status(token))
    statuses = statuses.union(*(STATUSES[word] for word in words & STATUSES.keys()))
    any_loss = bool(words & ANY_LOST_ANSWER)
    connect_failure = "connect-failure" in words
    before_request = "reset-before-request" in words

    def matches(outcome: Outcome[object]) -> bool:
        if outcome.final:
            return False
        if outcome.flag in LOST:
            return (
                any_loss
                or (connect_failure and outcome.flag is Flag.CONNECT_FAILURE)
                or (before_request and not outcome.sent)
            )
        return outcome.status in statuses

    return matches


def _is_status(token: str) -> bool:
    return token.isascii() and token.isdigit() and 100 <= int(token) <= 599
