"""Limits and budgets under concurrent calls: the engine against the real Envoy.

Calls come one after the other while others are held. A burst at a cold pool differs, see docs/policies.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.resilience_lib.both_sides import Envoy, istio_objects, policy_of
from tests.resilience_lib.scripts import share
from tests.resilience_lib.traffic import Answer, Move, engine_carries, envoy_carries

moves: st.SearchStrategy[list[Move]] = st.lists(
    st.one_of(st.just("call"), st.just("call"), st.builds(Answer, st.integers(0, 5), st.sampled_from([200, 503, 503]))),
    min_size=4,
    max_size=18,
)
retrying = st.builds("retries: {{attempts: {}, backoff: 1ms, retryOn: '503'}}, ".format, st.integers(1, 3))
once = st.just("retries: {attempts: 0}, ")
queues = st.builds(
    "connectionPool: {{tcp: {{maxConnections: {}}}, http: {{http1MaxPendingRequests: {}}}}}, ".format,
    st.integers(1, 3),
    st.integers(1, 3),
)
permits = st.builds("connectionPool: {{http: {{maxRetries: {}}}}}, ".format, st.integers(1, 3))
budgets = st.builds(
    "retryBudget: {{percent: {}, minRetryConcurrency: {}}}, ".format,
    st.sampled_from([0, 10, 25, 34, 50, 75, 99, 100]),
    st.sampled_from([0, 1, 1, 2]),
)
crowds = st.builds(
    lambda crowd, rest: ["call"] * crowd + rest,
    st.integers(2, 8),
    st.lists(st.just("call") | st.builds(Answer, st.integers(0, 9), st.just(503)), min_size=4, max_size=14),
)
"""Several calls under way before the first one fails: a budget is a share of them."""


def agree(envoy: Envoy, route: str, policy: str, script: Sequence[Move]) -> None:
    text = istio_objects("alerts", route, policy)
    assert engine_carries(policy_of(text, "alerts"), script) == envoy_carries(envoy, text, script)


@share(6)
@given(once, queues, moves)
def test_connections_and_the_queue_refuse_the_calls_that_envoy_refuses(
    envoy: Envoy, route: str, policy: str, script: list[Move]
) -> None:
    agree(envoy, route, policy, script)


@share(5)
@given(retrying, permits, moves)
def test_a_number_of_retries_refuses_those_that_envoy_refuses(
    envoy: Envoy, route: str, policy: str, script: list[Move]
) -> None:
    agree(envoy, route, policy, script)


@share(6)
@given(retrying, budgets, crowds)
def test_a_budget_refuses_the_retries_that_envoy_refuses(
    envoy: Envoy, route: str, policy: str, script: list[Move]
) -> None:
    agree(envoy, route, policy, script)


@share(5)
@given(retrying, queues, budgets | st.just(""), moves)
def test_retries_stand_in_the_queue_as_under_envoy(
    envoy: Envoy, route: str, queue: str, budget: str, script: list[Move]
) -> None:
    agree(envoy, route, queue + budget, script)
