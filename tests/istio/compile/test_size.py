"""How long a whole compilation takes, which is all that there is: no cache, no increments."""

import time
from dataclasses import replace

from istio.compile import compile_proxy
from istio.registry import Registry
from tests.istio.world import COLLECTOR, REGISTRY, destination_rule, objects, virtual_service


def world(services: int) -> Registry:
    template = next(one for one in REGISTRY.services if one.name == "image-analysis")
    made = tuple(replace(template, name=f"s{number}", cluster_ip=f"10.1.1.{number}") for number in range(services))
    return replace(REGISTRY, services=made)


def test_a_thousand_services_with_three_endpoints_and_rules_of_their_own_take_less_than_two_seconds() -> None:
    text = "".join(
        virtual_service(f"s{number}", f"{{timeout: 1s, route: [{{destination: {{host: s{number}}}}}]}}")
        + destination_rule(f"s{number}", "trafficPolicy: {outlierDetection: {}}")
        for number in range(100)
    )
    registry, given = world(1000), objects(text)
    start = time.process_time()
    config = compile_proxy(registry, given, COLLECTOR, mtls=True)
    assert time.process_time() - start < 2
    assert len(config.endpoints) == 1000
