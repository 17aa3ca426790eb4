"""What a client that sees every replica takes over from Istio objects, and what it leaves behind."""

import pytest

from istio.library import endpoint_policies
from resilience_lib import BalancerPolicy, BudgetPolicy, EndpointPolicy, OutlierPolicy, RetryPolicy
from tests.istio.world import destination_rule, objects, virtual_service


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


ROUTE = "route: [{destination: {host: alerts}}]"
RING = destination_rule("alerts", "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}")


def left_at(text: str) -> set[str]:
    return {one.path for one in endpoint_policies(objects(text), ["alerts"])[1]}


def test_a_port_without_a_balancer_is_named_where_the_whole_rule_hashes_for_its_retries() -> None:
    rule = (
        "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x}}, "
        "portLevelSettings: [{port: {number: 8080}, outlierDetection: {}}]}"
    )
    text = virtual_service("alerts", f"{{{ROUTE}}}") + destination_rule("alerts", rule)
    assert left_at(text) == {"spec.trafficPolicy.portLevelSettings[0].loadBalancer"}


def test_retries_on_a_ring_that_avoid_tried_replicas_in_the_mesh_alone_are_named() -> None:
    route = "spec.http[0].retries.retryIgnorePreviousHosts"
    forced = virtual_service("alerts", f"{{retries: {{attempts: 1, retryIgnorePreviousHosts: true}}, {ROUTE}}}")
    assert route in left_at(forced + RING)
    assert left_at(virtual_service("alerts", f"{{{ROUTE}}}") + RING) == {
        "spec.trafficPolicy.loadBalancer.consistentHash"
    }
    assert "spec.trafficPolicy.loadBalancer" in left_at(RING)  # a route that nobody wrote avoids them on a ring too


@pytest.mark.parametrize(
    ("said", "left"), [("true", set()), ("false", {"spec.http[0].retries.retryIgnorePreviousHosts"})]
)
def test_to_avoid_tried_replicas_is_what_the_library_does_anyway(said: str, left: set[str]) -> None:
    retries = f"retries: {{attempts: 1, retryIgnorePreviousHosts: {said}}}"
    assert left_at(virtual_service("alerts", f"{{{retries}, {ROUTE}}}")) == left


def test_what_leads_elsewhere_or_over_tls_is_named() -> None:
    route = "route: [{destination: {host: momentum}, headers: {request: {remove: [x-a]}}}]"
    text = virtual_service("alerts", f"{{retries: {{attempts: 1, retryRemoteLocalities: true}}, {route}}}")
    assert left_at(text + destination_rule("alerts", "trafficPolicy: {tls: {mode: SIMPLE}}")) == {
        "spec.http[0].route[0].destination.host",
        "spec.http[0].route[0].headers",
        "spec.http[0].retries.retryRemoteLocalities",
        "spec.trafficPolicy.tls",
    }


def test_a_queue_without_a_limit_of_connections_is_named() -> None:
    pool = "connectionPool: {http: {http1MaxPendingRequests: 3}}"
    assert left_at(destination_rule("alerts", f"trafficPolicy: {{{pool}}}")) == {
        "spec.trafficPolicy.connectionPool.http.http1MaxPendingRequests"
    }
