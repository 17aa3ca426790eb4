"""A library's policies as Istio objects: what comes back is what was given, but for what is named."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istio.library import endpoint_policies, objects_of, policies
from istio.objects import Objects, parse
from resilience_lib import (
    BalancerPolicy,
    BreakerPolicy,
    BudgetPolicy,
    EdgePolicy,
    EndpointPolicy,
    LimitsPolicy,
    OutlierPolicy,
    RetryPolicy,
    TimeoutPolicy,
)
from tests.istio.compile import strategies as drawn
from tests.istio.compile.test_envoy_accepts import named

CALLEE = "s0"
LONGEST = TimeoutPolicy(None, 2562047 * 3600)
objects = st.tuples(drawn.virtual_service, drawn.destination_rule).map(
    lambda specs: parse(
        [named(("VirtualService", specs[0]), 0), named(("DestinationRule", specs[1]), 0)],
    )
)


def carried(given: Objects) -> tuple[EdgePolicy, EndpointPolicy]:
    return policies(given, [CALLEE])[0][CALLEE], endpoint_policies(given, [CALLEE])[0][CALLEE]


def back(policy: EdgePolicy | EndpointPolicy) -> tuple[Objects, set[str]]:
    made, left = objects_of({CALLEE: policy})
    return made, {one.path for one in left}


@given(objects)
@settings(max_examples=150, deadline=None)
def test_objects_to_policies_to_objects_to_policies_is_the_same_policies(drawn_objects: Objects) -> None:
    edge, endpoint = carried(drawn_objects)
    assert carried(back(edge)[0])[0] == edge
    assert carried(back(endpoint)[0])[1] == endpoint


@given(objects)
@settings(max_examples=75, deadline=None)
def test_of_what_came_from_objects_only_what_a_breaker_and_a_ring_are_is_left(drawn_objects: Objects) -> None:
    edge, endpoint = carried(drawn_objects)
    assert back(edge)[1] <= {"breaker"}
    assert back(endpoint)[1] <= {"balancer.kind"}


milliseconds = st.integers(1, 60_000).map(lambda ms: ms / 1000)
some = st.integers(1, 1000)
words = st.lists(st.sampled_from(["5xx", "gateway-error", "reset", "503", "429"]), min_size=1).map(",".join)
backoff = st.integers(1, 5000).map(lambda ms: {"backoff_s": ms / 1000, "max_backoff_s": ms / 100})
retry = st.tuples(st.integers(1, 9), words, backoff).map(lambda one: RetryPolicy(one[0], one[1], **one[2]))
limits = st.builds(LimitsPolicy, some, some, some)


@given(retry, milliseconds, milliseconds, limits, st.integers(1, 100), some, some)
@settings(max_examples=75, deadline=None)
def test_policies_to_objects_to_policies_is_the_same_policies(
    retry: RetryPolicy, each: float, overall: float, limits: LimitsPolicy, percent: int, failures: int, local: int
) -> None:
    edge = EdgePolicy(retry, TimeoutPolicy(each, overall), BreakerPolicy(failures, overall), limits)
    made, left = back(edge)
    assert carried(made)[0] == edge
    assert left == {"breaker"}
    outlier = OutlierPolicy(failures, 0, local, each, overall, percent, percent)
    endpoint = EndpointPolicy.of(
        edge, outlier, budget=BudgetPolicy(percent, failures), balancer=BalancerPolicy("ROUND_ROBIN")
    )
    made, left = back(endpoint)
    assert carried(made)[1] == endpoint
    assert left == set()


@pytest.mark.parametrize(
    ("policy", "left", "becomes"),
    [
        (EdgePolicy(retry=RetryPolicy(max_backoff_s=5.0)), {"retry.max_backoff_s"}, {"retry": RetryPolicy()}),
        (EdgePolicy(retry=RetryPolicy(retry_on="599,503")), {"retry.retry_on"}, {"retry": RetryPolicy(retry_on="503")}),
        (EdgePolicy(retry=RetryPolicy(retry_on="599")), {"retry.retry_on"}, {"retry": None}),
        (EdgePolicy(timeout=TimeoutPolicy(0.25)), {"timeout.per_try_s"}, {"timeout": TimeoutPolicy(None, 0.25)}),
        (EdgePolicy(timeout=TimeoutPolicy(None, 1.0004)), {"timeout.overall_s"}, {"timeout": TimeoutPolicy(None, 1)}),
        (EdgePolicy(timeout=TimeoutPolicy(None, 1e300)), {"timeout.overall_s"}, {"timeout": LONGEST}),
        (EdgePolicy(limits=LimitsPolicy(5, 0)), {"limits.pending"}, {"limits": LimitsPolicy(5, 1)}),
    ],
)  # fmt: skip
def test_what_the_mesh_cannot_say_is_named_and_the_nearest_is_said(
    policy: EdgePolicy, left: set[str], becomes: Mapping[str, Any]
) -> None:
    made, named_left = back(policy)
    assert named_left == left
    assert carried(made)[0] == replace(policy, **becomes)


def test_of_replicas_too() -> None:
    outlier = OutlierPolicy(max_ejection_percent=0, min_health_percent=12.5)
    ring = BalancerPolicy("RING_HASH", 64)
    made, left = back(EndpointPolicy(outlier=outlier, budget=BudgetPolicy(20, 0), balancer=ring))
    assert left == {"outlier.max_ejection_percent", "outlier.min_health_percent", "budget.minimum", "balancer.kind"}
    becomes = replace(outlier, max_ejection_percent=1, min_health_percent=12)
    assert carried(made)[1] == EndpointPolicy(outlier=becomes, budget=BudgetPolicy(20, 1), balancer=ring)


def test_a_breaker_may_eject_every_replica_as_it_would_stop_every_call() -> None:
    made, _ = objects_of({"alerts": EdgePolicy(breaker=BreakerPolicy(3, 1.0))})
    outlier = made.destination_rules[0].spec.traffic_policy
    assert outlier is not None
    assert outlier.outlier_detection is not None
    assert outlier.outlier_detection.max_ejection_percent == 100
    assert outlier.outlier_detection.interval_or_default.total_seconds() == 1.0
