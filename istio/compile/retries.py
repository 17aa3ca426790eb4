"""Retries -> Envoy's retry policy (core/route/retry/retry.go)."""

from __future__ import annotations

from typing import Any

from istio.objects.duration import envoy_duration
from istio.objects.virtual_service import Retries, is_status

DEFAULT_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
DEFAULT_ATTEMPTS = 2
_PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    },
}
_PREVIOUS_PRIORITIES = {
    "name": "envoy.retry_priorities.previous_priorities",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
        "update_frequency": 2,
    },
}


def retry_policy(retries: Retries | None, *, hashed: bool = False) -> dict[str, Any] | None:
    """Return a route's retry policy; Istio's default when the route says nothing, None when retries are off.

    With a consistent hash (``hashed``) a retry may go to the host of the first try again.
    """
    if retries is not None and not retries.attempts:
        return None
    policy: dict[str, Any] = {
        "num_retries": retries.attempts if retries else DEFAULT_ATTEMPTS,
        "retry_on": DEFAULT_RETRY_ON,
        "host_selection_retry_max_attempts": 5,
    }
    avoid_tried = not hashed
    if retries is not None:
        if retries.retry_on:
            policy.update(_conditions(retries.retry_on))
        if retries.per_try_timeout is not None:
            policy["per_try_timeout"] = envoy_duration(retries.per_try_timeout)
        if retries.retry_remote_localities:
            policy["retry_priority"] = _PREVIOUS_PRIORITIES
        if retries.backoff is not None:
            policy["retry_back_off"] = {"base_interval": envoy_duration(retries.backoff)}
        if retries.retry_ignore_previous_hosts is not None:
            avoid_tried = retries.retry_ignore_previous_hosts
    if avoid_tried:
        policy["retry_host_predicate"] = [_PREVIOUS_HOSTS]
    return policy


def _conditions(retry_on: str) -> dict[str, Any]:
    """Statuses go to a list of their own, which has to be switched on by a word; the order of words is kept."""
    tokens = [token.strip() for token in retry_on.split(",") if token.strip()]
    statuses = [int(token) for token in tokens if is_status(token)]
    words = ",".join(token for token in tokens if not is_status(token))
    if statuses and "retriable-status-codes" not in words:
        words += ",retriable-status-codes"
    return {"retry_on": words, **({"retriable_status_codes": statuses} if statuses else {})}
