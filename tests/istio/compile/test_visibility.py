"""Which namespaces an object is for."""

import pytest

from istio.compile.visibility import visible
from tests.istio.world import compiled, objects


def every_kind(export_to: str) -> str:
    specs = {
        "VirtualService": "hosts: [alerts], http: [{timeout: 1s, route: [{destination: {host: alerts}}]}]",
        "DestinationRule": "host: alerts",
        "ServiceEntry": "hosts: [a.test], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]",
    }
    return "---\n".join(
        f"{{apiVersion: networking.istio.io/v1, kind: {kind}, metadata: {{name: a, namespace: airport}}, "
        f"spec: {{{spec}, exportTo: {export_to}}}}}\n"
        for kind, spec in specs.items()
    )


@pytest.mark.parametrize(
    ("export_to", "namespace", "seen"),
    [
        ("[]", "elsewhere", 1),
        ("['*']", "elsewhere", 1),
        ("[.]", "elsewhere", 0),
        ("[.]", "airport", 1),
        ("[elsewhere]", "elsewhere", 1),
        ("[elsewhere]", "airport", 0),
    ],
)
def test_an_object_is_for_the_namespaces_that_it_names(export_to: str, namespace: str, seen: int) -> None:
    found = visible(objects(every_kind(export_to)), namespace)
    counts = [len(found.virtual_services), len(found.destination_rules), len(found.service_entries)]
    assert counts == [seen] * 3


def test_what_is_not_for_a_proxy_is_not_compiled() -> None:
    assert compiled(every_kind("[elsewhere]")) == compiled()
    assert compiled(every_kind("[.]")) != compiled()
