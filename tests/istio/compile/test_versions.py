"""What older releases did."""

from dataclasses import replace
from typing import Any

import pytest

from istio.compile import ProxyConfig, compile_proxy
from istio.compile.versions import NEWEST, VERSIONS, UnknownVersion, as_of
from istio.registry import Registry
from tests.istio.world import COLLECTOR, REGISTRY, compiled, destination_rule, objects, virtual_service

ALERTS = "outbound|8080||alerts.airport.svc.cluster.local"
MIRROR = virtual_service("alerts", "{mirror: {host: momentum}, route: [{destination: {host: alerts}}]}")


def of(version: str, text: str = "", registry: Registry = REGISTRY) -> ProxyConfig:
    return as_of(compile_proxy(registry, objects(text), COLLECTOR, mtls=True), version)


def test_the_newest_release_is_what_is_compiled() -> None:
    assert as_of(compiled(MIRROR), NEWEST) == compiled(MIRROR)


def test_an_unknown_release_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownVersion, match=r"'1.9' are known; choose one of 1.24, 1.25"):
        as_of(compiled(), "1.9")


def changed(what: Any) -> list[str]:
    """Return the releases in which something is as it is in the newest."""
    return [version for version in VERSIONS if what(of(version, MIRROR)) == what(of(NEWEST, MIRROR))]


def test_a_panic_threshold_of_nothing_came_with_1_31() -> None:
    assert changed(lambda config: "common_lb_config" in config.clusters[ALERTS]) == ["1.31"]


def test_with_outlier_detection_nothing_panicked_before_either() -> None:
    rule = destination_rule("alerts", "trafficPolicy: {outlierDetection: {}}")
    assert of("1.24", rule).clusters[ALERTS]["common_lb_config"] == {"healthy_panic_threshold": {}}


def test_hosts_that_are_not_ready_are_sent_since_1_31() -> None:
    services = tuple(
        replace(
            one,
            endpoints={
                port: tuple(replace(each, ready=False) for each in hosts) for port, hosts in one.endpoints.items()
            },
        )
        for one in REGISTRY.services
    )
    world = replace(REGISTRY, services=services)
    assert "endpoints" in of("1.31", "", world).endpoints[ALERTS]
    assert of("1.30", "", world).endpoints[ALERTS] == {"cluster_name": ALERTS}
    assert of("1.30").endpoints[ALERTS] == of("1.31").endpoints[ALERTS]


def test_circuit_breakers_say_no_more_what_is_left_since_1_29() -> None:
    def thresholds(config: ProxyConfig) -> Any:
        return config.clusters[ALERTS]["circuit_breakers"]["thresholds"]

    assert changed(thresholds) == ["1.29", "1.30", "1.31"]
    assert thresholds(of("1.28"))[0]["track_remaining"] is True


def test_a_mirrored_host_keeps_its_name_since_1_28() -> None:
    assert changed(lambda config: config.routes) == ["1.28", "1.29", "1.30", "1.31"]


def test_one_connection_is_taken_at_a_time_since_1_26() -> None:
    assert changed(lambda config: config.listeners) == ["1.26", "1.27", "1.28", "1.29", "1.30", "1.31"]


def test_inbound_grpc_is_not_sent_again_since_1_26() -> None:
    services = tuple(
        replace(one, ports=tuple(replace(port, protocol="GRPC") for port in one.ports)) for one in REGISTRY.services
    )
    grpc = replace(REGISTRY, services=services)
    assert str(of("1.25", "", grpc).listeners).count("reset-before-request") > str(
        of("1.26", "", grpc).listeners
    ).count("reset-before-request")
    assert str(of("1.25").listeners).count("reset-before-request") == str(of("1.26").listeners).count(
        "reset-before-request"
    )
