"""Policies as data: validation, JSON, words."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lib import BreakerPolicy, EdgePolicy, LimitsPolicy, PolicyError, RetryPolicy, TimeoutPolicy

CONTRACT = {
    "retry": {"attempts": 2, "retry_on": "gateway-error,connect-failure", "backoff_s": 0.025, "max_backoff_s": 0.25},
    "timeout": {"per_try_s": 0.25, "overall_s": 2.0},
    "breaker": {"failures": 5, "reset_s": 1.0},
    "limits": {"connections": 100, "pending": 100, "retries": 20},
}
seconds = st.floats(1e-4, 1e4)
retries = st.builds(
    lambda attempts, on, base, factor: RetryPolicy(attempts, on, base, base * factor),
    st.integers(1, 50),
    st.sampled_from(["5xx", "503,connect-failure", "reset"]),
    seconds,
    st.floats(1, 100),
)
policies = st.builds(
    EdgePolicy,
    st.none() | retries,
    st.none() | st.builds(TimeoutPolicy, st.none() | seconds, st.none() | seconds),
    st.none() | st.builds(BreakerPolicy, st.integers(1, 100), seconds),
    st.none()
    | st.builds(
        LimitsPolicy, st.none() | st.integers(1), st.none() | st.integers(0), st.none() | st.integers(0, 10**6)
    ),
)


def test_the_json_of_the_contract_is_read_and_written() -> None:
    assert EdgePolicy.from_json(CONTRACT).to_json() == CONTRACT


@given(policies)
def test_a_policy_survives_json(policy: EdgePolicy) -> None:
    assert EdgePolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy


@given(policies)
def test_every_policy_says_a_line_for_each_part(policy: EdgePolicy) -> None:
    assert len(policy.describe().splitlines()) == max(1, len(policy.to_json()))


def test_null_parts_and_absent_parts_are_no_parts() -> None:
    assert EdgePolicy.from_json({"retry": None, "limits": None}) == EdgePolicy.from_json({}) == EdgePolicy()


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        (7, ["policy: must be an object with retry, timeout, breaker, limits, hedge, fallback, not 7"]),
        ({"retries": {}}, ["retries: unknown; choose from retry, timeout, breaker, limits, hedge, fallback"]),
        ({"timeout": []}, ["timeout: must be an object with per_try_s, overall_s, propagate, not []"]),
        ({"limits": {"conns": 1}}, ["limits.conns: unknown; choose from connections, pending, retries"]),
        ({"breaker": {"failures": 0}}, ["breaker.failures: must be a whole number from 1 on"]),
        ({"breaker": {"failures": True}}, ["breaker.failures: must be a whole number from 1 on"]),
        ({"timeout": {"per_try_s": float("inf")}}, ["timeout.per_try_s: must be a number of seconds above 0, not inf"]),
        ({"retry": {"retry_on": 5}}, ["retry.retry_on: must be a text"]),
        ({"retry": {"backoff_s": 1}}, ["retry.max_backoff_s: must be at least backoff_s (1), not 0.25"]),
        (
            {"retry": {"attempts": -1, "retry_on": "5yy", "on": 1}, "timeout": {"overall_s": "2s"}, "budget": {}},
            [
                "budget: unknown",
                "retry.on: unknown; choose from attempts, retry_on, backoff_s, max_backoff_s, retry_after_s",
                "retry.attempts: must be a whole number from 1 on (leave `retry` out for no retries), not -1",
                "retry.retry_on: '5yy': choose from 5xx",
                "timeout.overall_s: must be a number of seconds above 0, not '2s'",
            ],
        ),
    ],
)
def test_bad_json_is_refused_with_every_error_by_its_path(data: Any, errors: list[str]) -> None:
    with pytest.raises(PolicyError) as caught:
        EdgePolicy.from_json(data)
    assert len(caught.value.errors) == len(errors)
    assert all(said.startswith(wanted) for said, wanted in zip(caught.value.errors, errors, strict=True))


def test_a_policy_made_in_code_is_validated_too() -> None:
    with pytest.raises(PolicyError, match=r"attempts: .*backoff_s: "):
        RetryPolicy(attempts=0, backoff_s=-1)


def test_policies_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        BreakerPolicy(5, 1.0).failures = 6  # type: ignore[misc] # that it is refused is the point


def test_the_description_names_the_numbers() -> None:
    assert EdgePolicy.from_json(CONTRACT).describe() == (
        "gives up a try after 250 ms and gives up the whole call after 2 s\n"
        "tries again up to 2 times on gateway-error, connect-failure, after a random pause below 25 ms that doubles"
        " each time, up to 250 ms\n"
        "stops calling for 1 s after 5 failures in a row, then lets one probe decide\n"
        "allows at most 100 tries at once, with 100 waiting and at most 20 calls being retried"
    )
