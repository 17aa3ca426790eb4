"""What a client that sees every replica takes over from Istio objects, and what it leaves behind."""

import pytest

from istio.library import endpoint_policies
from resilience_lib import BalancerPolicy, BudgetPolicy, EndpointPolicy, OutlierPolicy, RetryPolicy
from tests.istio.world import destination_rule, objects


def of(policy: str) -> EndpointPolicy:
    return endpoint_policies(objects(destination_rule("alerts", f"trafficPolicy: {policy}")), ["alerts"])[0]["alerts"]


def left(policy: str) -> dict[str, str]:
    found = endpoint_policies(objects(destination_rule("alerts", f"trafficPolicy: {policy}")), ["alerts"])[1]
    return {one.path.removeprefix("spec.trafficPolicy."): one.why for one in found}


def test_where_nothing_is_said_istios_defaults_are_carried() -> None:
    policies, nothing = endpoint_policies(objects(""), ["alerts"])
    retry = policies["alerts"].retry
    assert isinstance(retry, RetryPolicy)
    assert retry.attempts == 2
    assert policies["alerts"] == EndpointPolicy(retry=retry, balancer=BalancerPolicy("LEAST_REQUEST"))
    assert nothing == []


def test_outlier_detection_is_carried_whole_with_envoys_defaults() -> None:
    assert of("{outlierDetection: {}}").outlier == OutlierPolicy(5, 0, 0, 10.0, 30.0, 10, 0)
    whole = (
        "{outlierDetection: {consecutive5xxErrors: 3, consecutiveGatewayErrors: 2, interval: 1s, baseEjectionTime: 5s, "
        "maxEjectionPercent: 50, minHealthPercent: 20, splitExternalLocalOriginErrors: true, "
        "consecutiveLocalOriginFailures: 4}}"
    )
    assert of(whole).outlier == OutlierPolicy(3, 2, 4, 1.0, 5.0, 50, 20)
    assert left(whole) == {}


def test_a_budget_is_carried_and_no_fewest_retries_is_the_default_of_three() -> None:
    assert of("{retryBudget: {percent: 10, minRetryConcurrency: 0}}").budget == BudgetPolicy(10, 3)
    assert of("{retryBudget: {}}").budget == BudgetPolicy()


@pytest.mark.parametrize(
    ("balancer", "kind"),
    [
        ("{simple: ROUND_ROBIN}", BalancerPolicy("ROUND_ROBIN")),
        ("{simple: RANDOM}", BalancerPolicy("RANDOM")),
        ("{simple: LEAST_CONN}", BalancerPolicy("LEAST_REQUEST")),
        ("{consistentHash: {httpHeaderName: x}}", BalancerPolicy("RING_HASH", 1024)),
        ("{consistentHash: {httpHeaderName: x, ringHash: {minimumRingSize: 64}}}", BalancerPolicy("RING_HASH", 64)),
    ],
)
def test_the_balancer_is_carried(balancer: str, kind: BalancerPolicy) -> None:
    assert of(f"{{loadBalancer: {balancer}}}").balancer == kind


@pytest.mark.parametrize(
    ("policy", "path", "why"),
    [
        ("{loadBalancer: {simple: PASSTHROUGH}}", "loadBalancer.simple", "no address but the service's"),
        ("{loadBalancer: {consistentHash: {useSourceIp: true}}}", "loadBalancer.consistentHash", "gives the key"),
        ("{loadBalancer: {simple: RANDOM, warmup: {duration: 1s}}}", "loadBalancer.warmup", "whole share at once"),
        ("{connectionPool: {tcp: {connectTimeout: 1s}}}", "connectionPool.tcp.connectTimeout", "per-try timeout"),
    ],
)
def test_what_is_not_carried_is_named_with_its_reason(policy: str, path: str, why: str) -> None:
    assert why in left(policy)[path]
