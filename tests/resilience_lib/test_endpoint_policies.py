"""Policies of replicas as data: validation, JSON, words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lib import (
    BalancerPolicy,
    BreakerPolicy,
    BudgetPolicy,
    EdgePolicy,
    EndpointPolicy,
    LimitsPolicy,
    OutlierPolicy,
    PolicyError,
    RetryPolicy,
    TimeoutPolicy,
)
from resilience_lib.endpoint_policies import KINDS
from tests.resilience_lib.test_policies import policies as edges

counts = st.integers(0, 100)
percents = st.floats(0, 100)
seconds = st.floats(1e-4, 1e4)
budgets = st.builds(BudgetPolicy, percents, counts)
balancers = st.builds(BalancerPolicy, st.sampled_from(sorted(KINDS)), st.integers(1))
outliers = st.builds(OutlierPolicy, counts, counts, counts, seconds, seconds, percents, percents)
policies = st.builds(
    lambda edge, outlier, budget, balancer: EndpointPolicy.of(edge, outlier, budget=budget, balancer=balancer),
    edges,
    st.none() | outliers,
    st.none() | budgets,
    st.none() | balancers,
)


@given(policies)
def test_a_policy_survives_json(policy: EndpointPolicy) -> None:
    assert EndpointPolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy


@given(policies)
def test_every_policy_says_a_line_for_each_part_and_always_how_it_chooses(policy: EndpointPolicy) -> None:
    assert len(policy.describe().splitlines()) == len({*policy.to_json(), "balancer"})


@given(edges, outliers)
def test_an_edge_policy_is_taken_over_except_its_breaker(edge: EdgePolicy, outlier: OutlierPolicy) -> None:
    policy = EndpointPolicy.of(edge, outlier)
    assert (policy.retry, policy.timeout, policy.limits) == (edge.retry, edge.timeout, edge.limits)
    assert policy.outlier is outlier


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ({"breaker": {}}, ["breaker: unknown; choose from retry, budget, timeout, balancer, outlier, limits"]),
        ({"balancer": {"kind": "FASTEST"}}, ["balancer.kind: choose from LEAST_REQUEST, ROUND_ROBIN, RANDOM, RING"]),
        ({"balancer": {"kind": []}}, ["balancer.kind: choose from LEAST_REQUEST"]),
        (
            {
                "budget": {"percent": 101, "minimum": -1},
                "balancer": {"minimum_ring_size": 0},
                "outlier": {"consecutive_5xx": 1.5, "interval_s": 0, "max_ejection_percent": True, "jitter": 1},
            },
            [
                "budget.percent: must be a number from 0 to 100, not 101",
                "budget.minimum: must be a whole number from 0 on (0 for none), not -1",
                "balancer.minimum_ring_size: must be a whole number from 1 on (leave it out for 1024), not 0",
                "outlier.jitter: unknown; choose from consecutive_5xx, consecutive_gateway_errors,",
                "outlier.consecutive_5xx: must be a whole number from 0 on (0 to switch it off), not 1.5",
                "outlier.interval_s: must be a number of seconds above 0, not 0",
                "outlier.max_ejection_percent: must be a number from 0 to 100, not True",
            ],
        ),
    ],
)
def test_bad_json_is_refused_with_every_error_by_its_path(data: Any, errors: list[str]) -> None:
    with pytest.raises(PolicyError) as caught:
        EndpointPolicy.from_json(data)
    assert len(caught.value.errors) == len(errors)
    assert all(said.startswith(wanted) for said, wanted in zip(caught.value.errors, errors, strict=True))


def test_the_description_names_the_numbers() -> None:
    policy = EndpointPolicy(
        RetryPolicy(2, "5xx"),
        BudgetPolicy(),
        TimeoutPolicy(0.25, 2.0),
        BalancerPolicy("ROUND_ROBIN"),
        OutlierPolicy(3, 2, 0, 1.0, 5.0, 50, 30),
        LimitsPolicy(100, 10),
    )
    assert policy.describe() == (
        "gives up a try after 250 ms and gives up the whole call after 2 s\n"
        "tries again up to 2 times on 5xx, after a random pause below 25 ms that doubles each time, up to 250 ms\n"
        "lets 20 % of what is under way be retried at once, and 3 in any case\n"
        "takes one replica after the other, and on a retry avoids those already tried\n"
        "ejects a replica after 3 5xx in a row or 2 gateway errors in a row, for 5 s that grow with each ejection, "
        "looked at every 1 s, at most 50 % of them, unless under 30 % would be left\n"
        "allows at most 100 tries at once, with 10 waiting"
    )


def test_outlier_detection_that_counts_nothing_says_so() -> None:
    assert OutlierPolicy(consecutive_5xx=0).describe() == "ejects no replica"


def test_a_breaker_is_no_part_of_it() -> None:
    assert EndpointPolicy.of(EdgePolicy(breaker=BreakerPolicy(5, 1.0))) == EndpointPolicy()
