"""Who speaks mutual TLS with whom."""

from dataclasses import replace
from typing import Any

import pytest

from istio.compile import ProxyConfig, compile_proxy
from istio.compile.authentication import Authentication
from istio.registry import TLS_LABEL, Registry
from tests.istio.world import COLLECTOR, REGISTRY, destination_rule, objects

ALERTS = "outbound|8080||alerts.airport.svc.cluster.local"


def peer_authentication(name: str, spec: str, namespace: str = "airport") -> str:
    return f"""
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}
---
"""


def compiled(text: str = "", registry: Registry = REGISTRY, *, mtls: bool = True) -> ProxyConfig:
    return compile_proxy(registry, objects(text), COLLECTOR, mtls=mtls)


def mode(text: str, port: int = 8080, app: str = "collector") -> str:
    return Authentication(objects(text), mtls=True).of_port("airport", {"app": app}, port)


MESH = peer_authentication("mesh", "{mtls: {mode: STRICT}}", "istio-system")
NAMESPACE = peer_authentication("all", "{mtls: {mode: DISABLE}}")


def workload(spec: str) -> str:
    return peer_authentication("own", f"{{selector: {{matchLabels: {{app: collector}}}}, {spec}}}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "PERMISSIVE"),
        (MESH, "STRICT"),
        (MESH + NAMESPACE, "DISABLE"),
        (MESH + NAMESPACE + workload("mtls: {mode: PERMISSIVE}"), "PERMISSIVE"),
        (MESH + workload("mtls: {mode: UNSET}"), "STRICT"),
        (workload("portLevelMtls: {8080: {mode: STRICT}}"), "STRICT"),
        (workload("mtls: {mode: STRICT}, portLevelMtls: {'9090': {mode: DISABLE}}"), "STRICT"),
        (workload("mtls: {mode: STRICT}, portLevelMtls: {'8080': {mode: DISABLE}}"), "DISABLE"),
        (peer_authentication("a", "{selector: {matchLabels: {app: collector}}}", "istio-system"), "PERMISSIVE"),
    ],
)
def test_the_narrower_policy_speaks_and_unset_inherits(text: str, expected: str) -> None:
    assert mode(text) == expected


def test_a_policy_of_another_workload_or_namespace_says_nothing() -> None:
    assert mode(workload("mtls: {mode: STRICT}"), app="alerts") == "PERMISSIVE"
    assert mode(peer_authentication("other", "{mtls: {mode: STRICT}}", "elsewhere")) == "PERMISSIVE"


def test_the_first_policy_of_a_level_wins() -> None:
    assert mode(peer_authentication("aaa", "{mtls: {mode: STRICT}}") + NAMESPACE) == "STRICT"


def test_without_mutual_tls_nobody_speaks_it_whatever_the_objects_say() -> None:
    rule = destination_rule("alerts", "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")
    config = compiled(MESH + rule, labelled(), mtls=False)
    assert not any(word in str(config) for word in ("transport_sockets.tls", "transport_socket_match"))


def labelled() -> Registry:
    """Return the world as the injector would have it."""
    services = tuple(
        replace(
            service,
            endpoints={
                port: tuple(replace(one, labels={**one.labels, TLS_LABEL: "istio"}) for one in endpoints)
                for port, endpoints in service.endpoints.items()
            },
        )
        for service in REGISTRY.services
    )
    return replace(REGISTRY, services=services)


def marks(config: ProxyConfig, cluster: str) -> list[Any]:
    hosts = config.endpoints[cluster]["endpoints"][0]["lb_endpoints"]
    return [one.get("metadata", {}).get("filter_metadata", {}).get("envoy.transport_socket_match") for one in hosts]


def test_endpoints_with_a_sidecar_are_marked_and_others_are_not() -> None:
    assert marks(compiled("", labelled()), ALERTS) == [{"tlsMode": "istio"}]
    assert marks(compiled(), ALERTS) == [None]


def test_an_endpoint_that_refuses_mutual_tls_is_not_marked() -> None:
    own = peer_authentication("own", "{selector: {matchLabels: {app: alerts}}, mtls: {mode: DISABLE}}")
    assert marks(compiled(own, labelled()), ALERTS) == [None]


def test_a_namespace_without_mutual_tls_is_called_in_plaintext() -> None:
    cluster = compiled(NAMESPACE).clusters[ALERTS]
    assert "transport_socket" not in cluster
    assert "transport_socket_matches" not in cluster


def socket(tls: str) -> Any:
    return compiled(destination_rule("alerts", f"trafficPolicy: {{tls: {tls}}}")).clusters[ALERTS]


def test_a_rule_that_disables_tls_means_plaintext() -> None:
    assert not {"transport_socket", "transport_socket_matches"} & set(socket("{mode: DISABLE}"))


def test_a_rule_that_asks_for_mutual_tls_gets_it_towards_every_endpoint() -> None:
    context = socket("{mode: ISTIO_MUTUAL}")["transport_socket"]["typed_config"]
    assert context["sni"] == "outbound_.8080_._.alerts.airport.svc.cluster.local"
    names = context["common_tls_context"]["combined_validation_context"]["default_validation_context"]
    assert names == {"match_subject_alt_names": [{"exact": "spiffe://cluster.local/ns/airport/sa/alerts"}]}


def test_a_rule_may_name_the_peer_and_the_server() -> None:
    context = socket("{mode: ISTIO_MUTUAL, sni: a.test, subjectAltNames: [x]}")["transport_socket"]["typed_config"]
    assert context["sni"] == "a.test"
    assert "'exact': 'x'" in str(context)


def test_simple_tls_takes_its_names_from_the_request_when_a_rule_gives_none() -> None:
    cluster = socket("{mode: SIMPLE}")
    [options] = cluster["typed_extension_protocol_options"].values()
    assert options["upstream_http_protocol_options"] == {"auto_sni": True, "auto_san_validation": True}
    assert "file-root:system" in str(cluster["transport_socket"])
    assert "typed_extension_protocol_options" not in socket("{mode: SIMPLE, sni: a.test}")


def test_mutual_tls_with_own_files_names_them() -> None:
    cluster = socket("{mode: MUTUAL, clientCertificate: /c, privateKey: /k, caCertificates: /ca, sni: a.test}")
    assert "file-cert:/c~/k" in str(cluster["transport_socket"])
    assert "file-root:/ca" in str(cluster["transport_socket"])


def test_a_port_without_service_but_with_a_mode_has_chains_of_its_own() -> None:
    text = workload("mtls: {mode: STRICT}, portLevelMtls: {9999: {mode: DISABLE}, 8080: {mode: PERMISSIVE}}")
    chains = compiled(text).listeners["virtualInbound"]["filter_chains"]
    matches = [one["filter_chain_match"] for one in chains if one["filter_chain_match"].get("destination_port") == 9999]
    assert [one["transport_protocol"] for one in matches] == ["raw_buffer", "raw_buffer"]
    assert len({str(one["filter_chain_match"]) for one in chains}) == len(chains)
