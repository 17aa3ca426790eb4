"""The library's policies out of Istio objects."""

from istio import library, policies
from istio.library import NotCarried
from resilience_lib import BreakerPolicy, EdgePolicy, LimitsPolicy, RetryPolicy, TimeoutPolicy
from tests.istio.world import destination_rule, objects, virtual_service

TO = "route: [{destination: {host: alerts}}]"
DEFAULT = RetryPolicy(2, "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes")


def derived(text: str) -> tuple[EdgePolicy, set[str]]:
    made, left = library.policies(objects(text), ["alerts"])
    return made["alerts"], {one.path for one in left}


def test_matched_carries_the_numbers_of_the_istio_objects() -> None:
    made, left = library.policies(policies.load("matched"), ["image-analysis"])
    assert made["image-analysis"] == EdgePolicy(
        RetryPolicy(2, "gateway-error,connect-failure,refused-stream,reset", 0.025, 0.25),
        TimeoutPolicy(0.25, 2.0),
        BreakerPolicy(5, 30.0),
        LimitsPolicy(100, 100, 20),
    )
    path = "spec.trafficPolicy.outlierDetection.maxEjectionPercent"
    why = "a breaker is per service, not per replica"
    assert NotCarried("DestinationRule airport/image-analysis", path, why) in left


def test_without_objects_istios_default_retries_are_carried_and_no_timeout() -> None:
    assert derived("") == (EdgePolicy(retry=DEFAULT), set())


def test_retries_off_are_off() -> None:
    assert derived(virtual_service("alerts", f"{{retries: {{attempts: 0}}, {TO}}}"))[0] == EdgePolicy()


def test_backoff_grows_tenfold_and_an_empty_retry_on_is_the_default() -> None:
    policy, _ = derived(virtual_service("alerts", f"{{retries: {{attempts: 1, backoff: 60ms}}, {TO}}}"))
    assert policy.retry == RetryPolicy(1, DEFAULT.retry_on, 0.06, 0.6)


def test_outlier_detection_that_says_nothing_breaks_after_envoys_five() -> None:
    policy, _ = derived(destination_rule("alerts", "trafficPolicy: {outlierDetection: {}}"))
    assert policy.breaker == BreakerPolicy(5, 30.0)


def test_consecutive_5xx_switched_off_is_no_breaker() -> None:
    rule = "trafficPolicy: {outlierDetection: {consecutive5xxErrors: 0, consecutiveGatewayErrors: 3}}"
    policy, left = derived(destination_rule("alerts", rule))
    assert policy.breaker is None
    assert left == {"spec.trafficPolicy.outlierDetection.consecutiveGatewayErrors"}


def test_what_a_client_library_does_not_do_is_listed() -> None:
    rule = destination_rule(
        "alerts",
        "trafficPolicy: {loadBalancer: {simple: RANDOM}, "
        "connectionPool: {tcp: {connectTimeout: 1s, maxConnections: 3}}}, "
        "subsets: [{name: v1}]",
    )
    service = virtual_service(
        "alerts",
        "{match: [{uri: {prefix: /x}}], timeout: 9s, route: [{destination: {host: alerts}}]}, "
        "{fault: {abort: {httpStatus: 500}}, timeout: 1s, route: [{destination: {host: alerts, subset: v1}}]}",
    )
    policy, left = derived(rule + service)
    assert policy.timeout == TimeoutPolicy(overall_s=1.0)
    assert policy.limits == LimitsPolicy(connections=3)
    assert left == {
        "spec.http[0].match",
        "spec.http[1].route",
        "spec.http[1].fault",
        "spec.trafficPolicy.loadBalancer",
        "spec.trafficPolicy.connectionPool.tcp.connectTimeout",
        "spec.subsets",
    }


def test_what_is_derived_survives_the_way_through_json() -> None:
    made, _ = library.policies(policies.load("matched"), ["alerts", "collector"])
    assert {name: EdgePolicy.from_json(one.to_json()) for name, one in made.items()} == made


def test_the_virtual_service_that_names_a_service_most_closely_speaks_for_it() -> None:
    all_of_them = "hosts: ['*.airport.svc.cluster.local']"
    wide = virtual_service("a-wide-one", f"{{timeout: 9s, {TO}}}").replace("hosts: [a-wide-one]", all_of_them)
    policy, _ = derived(wide + virtual_service("alerts", f"{{timeout: 1s, {TO}}}"))
    assert policy.timeout == TimeoutPolicy(overall_s=1.0)
