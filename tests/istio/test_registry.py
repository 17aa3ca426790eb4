"""What the mesh knows of Kubernetes."""

import pytest

from istio.compile import compile_proxy
from istio.objects import Objects, Refused, read
from istio.registry import Registry
from tests.istio.world import COLLECTOR, GOLDEN, REGISTRY, compiled

WORLD = (GOLDEN / "world.yaml").read_text()
OUTBOUND = "outbound|8080||image-analysis.airport.svc.cluster.local"


def test_a_proxy_is_its_pods_name_namespace_labels_and_service_account() -> None:
    assert COLLECTOR.labels == {"app": "collector", "version": "v1", "project": "airport"}
    assert COLLECTOR.service_account == "collector"


def test_the_proxy_of_no_pod_is_refused_with_those_that_exist() -> None:
    with pytest.raises(KeyError, match=r"no pod x.airport; there are alerts-0.airport"):
        REGISTRY.proxy("x", "airport")


def health(world: str) -> list[str]:

    config = compile_proxy(Registry.from_kubernetes(read(world, "w")), Objects(), COLLECTOR)
    [locality] = config.endpoints[OUTBOUND]["endpoints"]
    return [one["health_status"] for one in locality["lb_endpoints"]]


def of_second_analysis(condition: str) -> str:
    at = WORLD.index("- addresses: [10.0.2.2]")
    return WORLD[:at] + WORLD[at:].replace("conditions: {ready: true}", f"conditions: {{{condition}}}", 1)


def test_an_endpoint_that_is_not_ready_is_sent_as_unhealthy() -> None:
    assert health(of_second_analysis("ready: false")) == ["HEALTHY", "UNHEALTHY", "HEALTHY"]


def test_an_endpoint_that_goes_away_is_not_sent() -> None:
    assert health(of_second_analysis("ready: false, terminating: true")) == ["HEALTHY", "HEALTHY"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("clusterIP: 10.96.0.1\n", "clusterIP: None\n", "headless services are not supported"),
        (
            "- name: http\n    port: 8080\n    targetPort",
            "- name: redis\n    port: 8080\n    targetPort",
            "must start with http",
        ),
    ],
)
def test_a_service_that_cannot_be_carried_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        Registry.from_kubernetes(read(WORLD.replace(old, new, 1), "w"))


def test_a_target_port_may_be_named() -> None:
    world = WORLD.replace("targetPort: 8080", "targetPort: web", 1).replace(
        "  serviceAccountName: collector\n",
        "  serviceAccountName: collector\n  containers: [{name: app, ports: [{name: web, containerPort: 8081}]}]\n",
    )

    registry = Registry.from_kubernetes(read(world, "w"))
    clusters = compile_proxy(registry, Objects(), registry.proxy("collector-0", "airport")).clusters
    assert "inbound|8081||" in clusters
    assert "inbound|8080||" in compiled().clusters
