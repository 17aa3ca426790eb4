"""What each kind refuses, and in which words."""

import pytest

from istio.objects import Refused
from tests.istio.world import objects

NETWORKING, SECURITY = "networking.istio.io/v1beta1", "security.istio.io/v1beta1"


def one(kind: str, spec: str, version: str) -> str:
    return f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: a, namespace: anywhere}}, spec: {spec}}}"


def refused(kind: str, spec: str, version: str = NETWORKING) -> list[str]:
    with pytest.raises(Refused) as caught:
        objects(one(kind, spec, version))
    return [f"{each.path}: {each.message}" for each in caught.value.errors]


SIMPLE_WITH_NAMES = "{mode: SIMPLE, credentialName: a, subjectAltNames: [b]}"
PORT = "port: {number: 80, name: http, protocol: HTTP}"
ENTRY = "hosts: [a.test], ports: [{number: 80, name: http, protocol: HTTP}]"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{action: DENY}", "spec: rules: action DENY needs rules"),
        ("{action: CUSTOM, rules: [{}]}", "spec.action: must be one of 'ALLOW', 'DENY', 'AUDIT', not 'CUSTOM'"),
        ("{provider: {name: x}}", "spec.provider: is Istio's, but goaround does not support it"),
        ("{rules: [{from: []}]}", "spec.rules[0].from: must not be empty"),
        ("{rules: [{to: [{}]}]}", "spec.rules[0].to[0].operation: is missing"),
        ("{rules: [{to: [{operation: {}}]}]}", "must hold one of hosts, notHosts, ports"),
        ("{rules: [{to: [{operation: {ports: ['http']}}]}]}", "operation.ports[0]: must be a port in quotes"),
        ("{rules: [{to: [{operation: {paths: ['/{*}/*']}}]}]}", "operation.paths[0]: holds {*} or {**}"),
        ("{rules: [{to: [{operation: {paths: ['/{**}/{*}']}}]}]}", "{**} must be the last"),
        ("{rules: [{from: [{source: {ipBlocks: ['1.2.3']}}]}]}", "source.ipBlocks[0]: must be an address"),
        ("{rules: [{from: [{source: {serviceAccounts: [a], namespaces: [b]}}]}]}", "do not go with principals"),
        ("{rules: [{from: [{source: {requestPrincipals: [a]}}]}]}", "requestPrincipals: is Istio's, but"),
        ("{rules: [{when: [{key: request.body, values: [a]}]}]}", "spec.rules[0].when[0]: key: 'request.body' is not"),
        ("{rules: [{when: [{key: source.ip}]}]}", "spec.rules[0].when[0]: must hold values, notValues or both"),
        ("{rules: [{when: [{key: source.ip, values: [x]}]}]}", "must be an address or a CIDR block"),
        ("{rules: [{when: [{key: source.serviceAccount, values: ['a*']}]}]}", "must be SERVICE_ACCOUNT or"),
        ("{rules: [{from: [{source: {serviceAccounts: [a/b/c]}}]}]}", "serviceAccounts[0]: must be SERVICE_ACCOUNT or"),
        ("{selector: {matchLabels: {app: 'a*'}}}", "labels are compared as they are"),
    ],
)
def test_an_authorization_policy_is_refused_for(spec: str, said: str) -> None:
    assert said in "\n".join(refused("AuthorizationPolicy", spec, SECURITY))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{mtls: {mode: ON}}", "spec.mtls.mode: must be one of 'UNSET'"),
        ("{portLevelMtls: {80: {mode: STRICT}}}", "spec: portLevelMtls needs a selector"),
        ("{selector: {matchLabels: {a: b}}, portLevelMtls: {}}", "spec: portLevelMtls must hold a port"),
        ("{selector: {matchLabels: {a: b}}, portLevelMtls: {0: {mode: STRICT}}}", "must be at least 1, not 0"),
    ],
)
def test_a_peer_authentication_is_refused_for(spec: str, said: str) -> None:
    assert said in "\n".join(refused("PeerAuthentication", spec, SECURITY))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{servers: []}", "spec.servers: must not be empty"),
        (f"{{servers: [{{{PORT}}}]}}", "spec.servers[0].hosts: is missing"),
        (f"{{servers: [{{{PORT}, hosts: ['/a.test']}}]}}", "spec.servers[0].hosts[0]: must be HOST or NAMESPACE/HOST"),
        (f"{{servers: [{{{PORT}, hosts: [a.test]}}, {{{PORT}, hosts: [b.test]}}]}}", "spec: servers: port names must"),
        (f"{{servers: [{{{PORT}, hosts: [a.test], tls: {{mode: SIMPLE}}}}]}}", "mode SIMPLE needs a credentialName"),
        (
            f"{{servers: [{{{PORT}, hosts: [a.test], tls: {SIMPLE_WITH_NAMES}}}]}}",
            "subjectAltNames are for modes that ask callers",
        ),
        (f"{{servers: [{{{PORT}, hosts: [a.test], tls: {{mode: ISTIO_MUTUAL}}}}]}}", "protocol HTTP has no mode"),
        (f"{{servers: [{{{PORT.replace('HTTP', 'HTTPS')}, hosts: [a.test]}}]}}", "protocol HTTPS needs a mode"),
        (f"{{servers: [{{{PORT}, hosts: [a.test], tls: {{privateKey: a}}}}]}}", "tls.privateKey: is Istio's"),
        ("{servers: [{port: {number: 1, name: a, protocol: TCP}, hosts: ['*']}]}", "protocol: must be one of 'HTTP'"),
    ],
)
def test_a_gateway_is_refused_for(spec: str, said: str) -> None:
    assert said in "\n".join(refused("Gateway", spec))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (f"{{{ENTRY}}}", "spec.resolution: is missing"),
        (f"{{{ENTRY}, resolution: NONE}}", "spec.resolution: must be one of 'STATIC', 'DNS'"),
        (f"{{{ENTRY}, resolution: STATIC}}", "spec: endpoints: resolution STATIC needs addresses"),
        (f"{{{ENTRY}, resolution: STATIC, endpoints: [{{address: a.test}}]}}", "they must be IP addresses, not a.test"),
        (f"{{{ENTRY}, resolution: DNS, endpoints: [{{address: a, ports: {{x: 1}}}}]}}", "no port is named x"),
        (f"{{{ENTRY}, resolution: DNS, addresses: [192.0.2.0/24]}}", "a CIDR block goes with resolution STATIC only"),
        (f"{{{ENTRY}, resolution: DNS, exportTo: ['~', '.']}}", "~ stands for no namespace"),
        (f"{{{ENTRY}, resolution: DNS, addresses: [x]}}", "spec.addresses[0]: must be an address"),
        (f"{{{ENTRY}, resolution: DNS, workloadSelector: {{}}}}", "spec.workloadSelector: is Istio's"),
        (f"{{{ENTRY.replace('a.test', chr(39) + '*' + chr(39))}, resolution: DNS}}", "spec: hosts: * alone"),
        (f"{{{ENTRY.replace('a.test', chr(39) + '*.a' + chr(39))}, resolution: DNS}}", "a wildcard cannot be resolved"),
    ],
)
def test_a_service_entry_is_refused_for(spec: str, said: str) -> None:
    assert said in "\n".join(refused("ServiceEntry", spec))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{egress: [{hosts: []}]}", "spec.egress[0].hosts: must not be empty"),
        ("{egress: [{hosts: [alerts]}]}", "spec.egress[0].hosts[0]: must be NAMESPACE/HOST"),
        ("{}", "spec: must hold egress, outboundTrafficPolicy or inboundConnectionPool"),
        ("{egress: [{hosts: [./*]}, {hosts: [other/*]}]}", "spec.egress: only the last listener may be without a port"),
        ("{ingress: []}", "spec.ingress: is Istio's, but goaround does not support it"),
    ],
)
def test_a_sidecar_is_refused_for(spec: str, said: str) -> None:
    assert said in "\n".join(refused("Sidecar", spec))


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ("{mode: MUTUAL}", "needs clientCertificate and privateKey"),
        ("{mode: ISTIO_MUTUAL, caCertificates: /a}", "leave the files out"),
        ("{mode: SIMPLE, credentialName: a, caCertificates: /a}", "credentialName or files, not both"),
        ("{mode: DISABLE, insecureSkipVerify: true}", "goes with mode SIMPLE or MUTUAL only"),
        ("{mode: SIMPLE, insecureSkipVerify: true, caCertificates: /a}", "does not go with caCertificates"),
    ],
)
def test_a_tls_block_is_refused_for(tls: str, said: str) -> None:
    [told] = refused("DestinationRule", f"{{host: a, trafficPolicy: {{tls: {tls}}}}}")
    assert told.startswith("spec.trafficPolicy.tls: ")
    assert said in told


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("{}", "spec.trafficPolicy: must hold one of loadBalancer"),
        ("{portLevelSettings: [{port: {number: 1}}]}", "portLevelSettings[0]: must hold one of loadBalancer"),
        ("{connectionPool: {http: {useClientProtocol: true, h2UpgradePolicy: UPGRADE}}}", "does not go with"),
    ],
)
def test_a_traffic_policy_is_refused_for(policy: str, said: str) -> None:
    assert said in "\n".join(refused("DestinationRule", f"{{host: a, trafficPolicy: {policy}}}"))


@pytest.mark.parametrize("hosts", ["[a, a]", "['*.test', a.test]", "['*.b.test', '*.test']", "[a.test, '*']"])
def test_hosts_of_one_virtual_service_that_overlap_are_refused(hosts: str) -> None:
    spec = f"{{hosts: {hosts}, gateways: [gw], http: [{{directResponse: {{status: 200}}}}]}}"
    assert "hosts: must not overlap" in "\n".join(refused("VirtualService", spec))


@pytest.mark.parametrize("regex", ["a(?=b)", "(?<!a)b", r"(a)\1", "(?>a)", "a++", r"a\Z", "a{1001}"])
def test_what_re2_does_not_read_is_refused(regex: str) -> None:
    http = f"{{match: [{{uri: {{regex: '{regex}'}}}}], route: [{{destination: {{host: a}}}}]}}"
    [told] = refused("VirtualService", f"{{hosts: [a], http: [{http}]}}")
    assert told.startswith("spec.http[0].match[0].uri.regex: must be a regular expression as RE2 reads it")


@pytest.mark.parametrize("regex", [r"a\++", "[*+?+]", "[]?+]", "(?i)a", "(?P<x>a)", r"\\d+", "a{10}"])
def test_what_re2_reads_is_taken(regex: str) -> None:
    http = f"{{match: [{{uri: {{regex: '{regex}'}}}}], route: [{{destination: {{host: a}}}}]}}"
    assert objects(one("VirtualService", f"{{hosts: [a], http: [{http}]}}", NETWORKING)).virtual_services


def test_a_subset_has_the_name_of_a_label() -> None:
    assert refused("DestinationRule", "{host: a, subsets: [{name: v1.2}]}") == [
        "spec.subsets[0].name: must be made of letters, digits and -, at most 63, such as v1, not 'v1.2'"
    ]


def test_each_group_has_its_own_versions() -> None:
    [told] = refused("PeerAuthentication", "{}", "security.istio.io/v1alpha3")
    assert told == "apiVersion: must be one of security.istio.io/v1, security.istio.io/v1beta1"
    for version in ("v1", "v1beta1", "v1alpha3"):
        assert objects(one("Sidecar", "{outboundTrafficPolicy: {}}", f"networking.istio.io/{version}")).sidecars


def test_a_deprecated_field_is_left_out_with_istiods_warning() -> None:
    policy = "{outlierDetection: {consecutiveErrors: 5, maxEjectionPercent: 50}}"
    found = objects(one("DestinationRule", f"{{host: a, trafficPolicy: {policy}}}", NETWORKING))
    [warning] = found.warnings
    assert warning.path == "spec.trafficPolicy.outlierDetection.consecutiveErrors"
    assert warning.message.startswith("outlier detection consecutive errors is deprecated")
    assert "consecutiveErrors" not in str(found.to_data())


def test_a_policy_that_is_only_to_be_tried_is_refused() -> None:
    policy = one("AuthorizationPolicy", "{}", SECURITY).replace("name: a,", "name: a, annotations: {%s: 'true'},")
    with pytest.raises(Refused, match=r"metadata\.annotations: istio\.io/dry-run is Istio's"):
        objects(policy % "istio.io/dry-run")
    assert objects(policy.replace("'true'", "'false'") % "istio.io/dry-run").authorization_policies
