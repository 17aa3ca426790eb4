"""What a gateway's pod is told."""

import json
import re
from typing import Any

import pytest

from istio.compile import ProxyConfig
from tests.istio.world import REGISTRY, compiled

POD = REGISTRY.proxy("istio-ingressgateway-0", "istio-system")


def gateway(servers: str, name: str = "entry", namespace: str = "airport") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{istio: ingressgateway}}, servers: [{servers}]}}
---
"""


def server(hosts: str = '["*"]', port: int = 80, more: str = "") -> str:
    return f"{{port: {{number: {port}, name: http-{port}, protocol: HTTP}}, hosts: {hosts} {more}}}"


def service(name: str, hosts: str, http: str, gateways: str = "[entry]", namespace: str = "airport") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{hosts: {hosts}, gateways: {gateways}, http: [{http}]}}
---
"""


TO = "route: [{destination: {host: alerts}}]"
ENTRY = gateway(server())


def hosts(text: str, port: int = 8080) -> Any:
    return told(text).routes[f"http.{port}"]["virtual_hosts"]


def told(text: str) -> ProxyConfig:
    return compiled(text, POD)


def test_a_server_listens_where_the_gateways_service_sends_its_port() -> None:
    assert told(ENTRY).listeners.keys() == {"0.0.0.0_8080"}
    assert told(gateway(server(port=81))).listeners.keys() == {"0.0.0.0_81"}


def test_without_virtual_services_everything_is_unknown() -> None:
    assert hosts(ENTRY) == [{"name": "blackhole:80", "domains": ["*"]}]


def test_a_gateway_has_no_application_and_passes_on_nothing_unknown() -> None:
    names = told(ENTRY).clusters
    assert "BlackHoleCluster" in names
    assert not [one for one in names if one.startswith("inbound|") or one.endswith("PassthroughCluster")]


def test_the_only_port_of_a_service_is_meant_when_none_is_named() -> None:
    [host] = hosts(ENTRY + service("a", '["*"]', f"{{{TO}}}"))
    assert host["routes"][0]["route"]["cluster"] == "outbound|8080||alerts.airport.svc.cluster.local"


def test_a_virtual_service_of_the_mesh_or_of_another_gateway_says_nothing() -> None:
    for gateways in ("[mesh]", "[other]", "[elsewhere/entry]"):
        [host] = hosts(ENTRY + service("a", "[a.test]", f"{{{TO}}}", gateways))
        assert host["name"] == "blackhole:80"


def test_a_virtual_service_of_another_namespace_names_the_gateways() -> None:
    text = service("a", "[a.test]", f"{{{TO}}}", "[airport/entry]", "elsewhere")
    assert hosts(ENTRY + text)[0]["domains"] == ["a.test"]


def test_the_narrower_of_two_hosts_is_taken() -> None:
    one = service("a", '["*.test"]', f"{{{TO}}}")
    assert hosts(gateway(server("[a.test, b.else]")) + one)[0]["domains"] == ["a.test"]
    other = service("a", "[a.test, b.else]", f"{{{TO}}}")
    assert hosts(gateway(server('["*.test"]')) + other)[0]["domains"] == ["a.test"]


def test_a_server_may_be_for_one_namespace_only() -> None:
    text = service("a", "[a.test]", f"{{{TO}}}")
    assert hosts(gateway(server('["./*"]')) + text)[0]["domains"] == ["a.test"]
    assert hosts(gateway(server('["elsewhere/*"]')) + text)[0]["name"] == "blackhole:80"


def test_hosts_that_are_answered_alike_share_their_routes() -> None:
    [host] = hosts(ENTRY + service("a", "[a.test, b.test]", f"{{{TO}}}"))
    assert host["domains"] == ["a.test", "b.test"]


def test_what_takes_everything_goes_behind_the_routes_of_other_virtual_services() -> None:
    first = service("a", "[a.test]", f"{{name: all, {TO}}}")
    second = service("b", "[a.test]", f"{{name: some, match: [{{uri: {{prefix: /x}}}}], {TO}}}")
    [host] = hosts(ENTRY + first + second)
    assert [one["name"] for one in host["routes"]] == ["some", "all"]


def test_a_match_may_be_for_one_gateway() -> None:
    http = f"{{name: mine, match: [{{gateways: [entry]}}], {TO}}}, {{name: other, match: [{{gateways: [mesh]}}], {TO}}}"
    [host] = hosts(ENTRY + service("a", "[a.test]", http, "[entry, mesh]"))
    assert [one["name"] for one in host["routes"]] == ["mine"]


def test_a_server_that_redirects_sends_every_host_to_https() -> None:
    text = gateway(server("[a.test, b.test]", more=", tls: {httpsRedirect: true}"))
    found = hosts(text + service("a", "[a.test]", f"{{{TO}}}"))
    assert [(one["domains"], one["require_tls"]) for one in found] == [(["a.test"], "ALL"), (["b.test"], "ALL")]


def test_servers_of_several_gateways_share_a_port() -> None:
    text = gateway(server("[a.test]"), "one") + gateway(server("[b.test]"), "two")
    text += service("a", "[a.test]", f"{{timeout: 1s, {TO}}}", "[one]") + service("b", "[b.test]", f"{{{TO}}}", "[two]")
    assert [one["domains"] for one in hosts(text)] == [["a.test"], ["b.test"]]


def test_a_gateway_asks_for_its_own_authorization() -> None:
    deny = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: istio-system}
spec: {selector: {matchLabels: {istio: ingressgateway}}}
"""
    [chain] = told(ENTRY + deny).listeners["0.0.0.0_8080"]["filter_chains"]
    names = [one["name"] for one in chain["filters"][0]["typed_config"]["http_filters"]]
    assert names[0] == "envoy.filters.http.rbac"


def test_a_pod_that_no_gateway_picks_has_a_sidecar() -> None:
    assert "virtualInbound" in compiled(ENTRY).listeners


def https(hosts: str, tls: str = "mode: SIMPLE, credentialName: cred", name: str = "https", number: int = 443) -> str:
    return f"{{port: {{number: {number}, name: {name}, protocol: HTTPS}}, hosts: {hosts}, tls: {{{tls}}}}}"


def test_servers_of_https_share_a_listener_and_are_told_apart_by_the_name_of_the_handshake() -> None:
    servers = ", ".join([https('[a.test, "./b.test"]'), https("[c.test]", name="other"), https('["*"]', name="rest")])
    text = gateway(servers) + service("one", "[a.test, c.test]", f"{{{TO}}}")
    found = told(text).listeners["0.0.0.0_443"]
    assert [one.get("filter_chain_match") for one in found["filter_chains"]] == [
        {"server_names": ["a.test", "b.test"]},
        {"server_names": ["c.test"]},
        None,
    ]
    assert [one["name"].rpartition(".")[2] for one in found["listener_filters"]] == ["tls_inspector"]
    routes = told(text).routes
    assert routes.keys() == {f"https.443.{name}.entry.airport" for name in ("https", "other", "rest")}
    assert routes["https.443.other.entry.airport"]["virtual_hosts"][0]["domains"] == ["c.test"]


def test_a_port_that_speaks_plaintext_takes_no_server_of_https() -> None:
    config = told(gateway(f"{server(port=443)}, {https('[a.test]')}"))
    assert config.routes.keys() == {"http.443"}
    assert "transport_socket" not in config.listeners["0.0.0.0_443"]["filter_chains"][0]


@pytest.mark.parametrize(
    ("tls", "required", "secrets"),
    [
        ("mode: SIMPLE, credentialName: cred", False, {"kubernetes://cred"}),
        ("mode: MUTUAL, credentialName: cred", True, {"kubernetes://cred", "kubernetes://cred-cacert"}),
        ("mode: OPTIONAL_MUTUAL, credentialName: cred", False, {"kubernetes://cred", "kubernetes://cred-cacert"}),
        ("mode: ISTIO_MUTUAL", True, {"default", "ROOTCA"}),
    ],
)
def test_the_mode_says_whose_certificates_are_shown_and_asked_for(tls: str, required: bool, secrets: set[str]) -> None:
    [chain] = told(gateway(https('["*"]', tls))).listeners["0.0.0.0_443"]["filter_chains"]
    context = chain["transport_socket"]["typed_config"]
    assert context["require_client_certificate"] is required
    assert set(re.findall(r'"name": "([^"]+)"', json.dumps(context["common_tls_context"]))) == secrets
