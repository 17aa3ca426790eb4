"""A large mesh is compiled whole: there is no cache and there are no increments. `goaround perf mesh` times it."""

from dataclasses import replace

from istio.compile import compile_proxy
from istio.registry import Registry
from tests.istio.world import COLLECTOR, REGISTRY, destination_rule, objects, virtual_service


def world(services: int) -> Registry:
    template = next(one for one in REGISTRY.services if one.name == "image-analysis")
    made = tuple(replace(template, name=f"s{number}", cluster_ip=f"10.1.1.{number}") for number in range(services))
    return replace(REGISTRY, services=made)


def test_a_thousand_services_are_compiled_as_a_whole() -> None:
    text = "".join(
        virtual_service(f"s{number}", f"{{timeout: 1s, route: [{{destination: {{host: s{number}}}}}]}}")
        + destination_rule(f"s{number}", "trafficPolicy: {outlierDetection: {}}")
        for number in range(100)
    )
    config = compile_proxy(world(1000), objects(text), COLLECTOR, mtls=True)
    assert len(config.endpoints) == 1000
    assert sum("outlier_detection" in cluster for cluster in config.clusters.values()) == 100
