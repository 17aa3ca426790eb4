"""Whom a running sidecar lets in, by every attribute that a policy may name, to allow and to deny."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.istio.pair import Pair, running_pair

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Ask:
    """A request: in plaintext, or through both sidecars by mutual TLS."""

    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    plain: bool = False


PROVEN, PLAIN = Ask(), Ask(plain=True)
ME = "cluster.local/ns/airport/sa/collector"
# The connection that the sidecars keep would be good for one more request under the policy before.
ONE_REQUEST_PER_CONNECTION = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: alerts, namespace: airport}
spec: {host: alerts, trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}}
---
"""


def source(text: str) -> str:
    return f"from: [{{source: {{{text}}}}}]"


def operation(text: str) -> str:
    return f"to: [{{operation: {{{text}}}}}]"


def when(key: str, values: str) -> str:
    return f"when: [{{key: '{key}', {values}}}]"


def path(value: str) -> Ask:
    return Ask(path=value, plain=True)


def host(value: str) -> Ask:
    return Ask(headers={"Host": value}, plain=True)


def user(value: str) -> Ask:
    return Ask(headers={"x-user": value}, plain=True)


def forwarded(value: str) -> Ask:
    return Ask(headers={"x-forwarded-for": value}, plain=True)


POST, GET = Ask("POST", plain=True), Ask(plain=True)
# A rule, the requests that it is about, and those that it is not about.
CASES: dict[str, tuple[str, list[Ask], list[Ask]]] = {
    "principals": (source(f"principals: [{ME}]"), [PROVEN], [PLAIN]),
    "principals, their beginning": (source("principals: ['cluster.local/ns/airport/*']"), [PROVEN], [PLAIN]),
    "principals, their end": (source("principals: ['*/sa/collector']"), [PROVEN], [PLAIN]),
    "principals, any": (source("principals: ['*']"), [PROVEN], [PLAIN]),
    "principals, another": (source("principals: [cluster.local/ns/airport/sa/cpanel]"), [], [PROVEN, PLAIN]),
    "notPrincipals": (source(f"notPrincipals: [{ME}]"), [PLAIN], [PROVEN]),
    "namespaces": (source("namespaces: [airport]"), [PROVEN], [PLAIN]),
    "namespaces, another": (source("namespaces: [default]"), [], [PROVEN, PLAIN]),
    "notNamespaces": (source("notNamespaces: [airport]"), [PLAIN], [PROVEN]),
    "serviceAccounts": (source("serviceAccounts: [airport/collector]"), [PROVEN], [PLAIN]),
    "notServiceAccounts": (source("notServiceAccounts: [collector]"), [PLAIN], [PROVEN]),
    "ipBlocks": (source("ipBlocks: [127.0.0.0/8]"), [PLAIN, PROVEN], []),
    "ipBlocks, others": (source("ipBlocks: [10.0.0.0/8]"), [], [PLAIN, PROVEN]),
    "notIpBlocks": (source("notIpBlocks: [10.0.0.0/8]"), [PLAIN], []),
    "remoteIpBlocks": (source("remoteIpBlocks: [192.0.2.0/24]"), [forwarded("192.0.2.7")], [forwarded("198.51.100.1")]),
    "notRemoteIpBlocks": (
        source("notRemoteIpBlocks: [192.0.2.0/24]"),
        [forwarded("198.51.100.1")],
        [forwarded("192.0.2.7")],
    ),
    "methods": (operation("methods: [POST, PUT]"), [POST, Ask("PUT", plain=True)], [GET]),
    "notMethods": (operation("notMethods: [POST]"), [GET], [POST]),
    "paths": (operation("paths: [/a]"), [path("/a"), path("/a?x=1")], [path("/a/b"), path("/b")]),
    "paths, their beginning": (operation("paths: ['/a/*']"), [path("/a/b"), path("/a/b/c")], [path("/a"), path("/ab")]),
    "paths, their end": (operation("paths: ['*/status']"), [path("/a/status")], [path("/status/a")]),
    "paths, one segment": (operation("paths: ['/a/{*}/c']"), [path("/a/b/c")], [path("/a/b/b/c"), path("/a/c")]),
    "paths, any segments": (operation("paths: ['/a/{**}']"), [path("/a/b/c")], [path("/b/a")]),
    "paths, made normal": (operation("paths: [/a/b]"), [path("/a/c/../b")], []),
    "notPaths": (operation("notPaths: [/a]"), [path("/b")], [path("/a")]),
    "hosts": (operation("hosts: [alerts.example]"), [host("alerts.example"), host("ALERTS.example")], [host("other")]),
    "hosts, their end": (operation("hosts: ['*.example']"), [host("a.example")], [host("a.test")]),
    "notHosts": (operation("notHosts: [alerts.example]"), [host("other")], [host("alerts.example")]),
    "ports": (operation("ports: ['8080']"), [PLAIN, PROVEN], []),
    "ports, others": (operation("ports: ['9090']"), [], [PLAIN, PROVEN]),
    "notPorts": (operation("notPorts: ['8080']"), [], [PLAIN, PROVEN]),
    "a header": (when("request.headers[x-user]", "values: [admin]"), [user("admin")], [user("other"), GET]),
    "a header, its beginning": (when("request.headers[x-user]", "values: ['adm*']"), [user("admin")], [user("root")]),
    "a header, another": (when("request.headers[x-user]", "notValues: [admin]"), [user("other")], [user("admin")]),
    "source.ip": (when("source.ip", "values: [127.0.0.1]"), [PLAIN], []),
    "source.ip, another": (when("source.ip", "notValues: [127.0.0.1]"), [], [PLAIN]),
    "remote.ip": (when("remote.ip", "values: [192.0.2.7]"), [forwarded("192.0.2.7")], [forwarded("192.0.2.8")]),
    "source.namespace": (when("source.namespace", "values: [airport]"), [PROVEN], [PLAIN]),
    "source.principal": (when("source.principal", f"values: [{ME}]"), [PROVEN], [PLAIN]),
    "source.serviceAccount": (when("source.serviceAccount", "values: [airport/collector]"), [PROVEN], [PLAIN]),
    "destination.ip": (when("destination.ip", "values: [127.0.0.1]"), [PLAIN], []),
    "destination.port": (when("destination.port", "values: ['8080']"), [PLAIN], []),
    "connection.sni": (when("connection.sni", "values: ['*.alerts.airport.svc.cluster.local']"), [PROVEN], [PLAIN]),
    "all of several": (
        f"{source(f'principals: [{ME}]')}, {operation('methods: [POST]')}",
        [Ask("POST")],
        [POST, PROVEN],
    ),
    "one of several values": (operation("paths: [/a, /b]"), [path("/a"), path("/b")], [path("/c")]),
    "all attributes of one": (operation("methods: [POST], paths: [/a]"), [Ask("POST", "/a")], [Ask(path="/a"), POST]),
    "everybody": ("", [PLAIN, PROVEN], []),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    async with running_pair(tmp_path_factory.mktemp("pair"), ONE_REQUEST_PER_CONNECTION) as running:
        yield running


def policy(action: str, rules: str, name: str = "one") -> str:
    return f"""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: airport}}
spec: {{selector: {{matchLabels: {{app: alerts}}}}, action: {action}, rules: [{rules}]}}
---
"""


async def statuses(pair: Pair, asked: list[Ask]) -> list[int]:
    return [await pair.ask(one.method, one.path, one.headers, plain=one.plain) for one in asked]


@pytest.mark.parametrize("case", CASES)
async def test_an_attribute_allows_and_denies_those_that_it_names(pair: Pair, case: str) -> None:
    rule, named, others = CASES[case]
    await pair.apply(ONE_REQUEST_PER_CONNECTION + policy("ALLOW", f"{{{rule}}}"))
    assert await statuses(pair, named) == [200] * len(named)
    assert await statuses(pair, others) == [403] * len(others)
    await pair.apply(ONE_REQUEST_PER_CONNECTION + policy("DENY", f"{{{rule}}}"))
    assert await statuses(pair, named) == [403] * len(named)
    assert await statuses(pair, others) == [200] * len(others)


async def test_a_denial_is_stronger_than_a_permission(pair: Pair) -> None:
    both = policy("ALLOW", "{}") + policy("DENY", f"{{{operation('methods: [POST]')}}}", "two")
    await pair.apply(ONE_REQUEST_PER_CONNECTION + both)
    assert await statuses(pair, [GET, POST]) == [200, 403]


async def test_one_of_several_permissions_is_enough_and_none_lets_nobody_in(pair: Pair) -> None:
    rules = f"{{{operation('methods: [POST]')}}}, {{{operation('paths: [/a]')}}}"
    await pair.apply(ONE_REQUEST_PER_CONNECTION + policy("ALLOW", rules))
    assert await statuses(pair, [POST, path("/a"), GET]) == [200, 200, 403]
    await pair.apply(ONE_REQUEST_PER_CONNECTION + policy("ALLOW", ""))
    assert await statuses(pair, [GET, PROVEN]) == [403, 403]


async def test_an_audit_denies_nobody(pair: Pair) -> None:
    await pair.apply(ONE_REQUEST_PER_CONNECTION + policy("AUDIT", f"{{{operation('methods: [POST]')}}}"))
    assert await statuses(pair, [GET, POST]) == [200, 200]


async def test_a_policy_of_another_workload_is_not_this_ones(pair: Pair) -> None:
    await pair.apply(ONE_REQUEST_PER_CONNECTION + policy("DENY", "{}").replace("app: alerts", "app: momentum"))
    assert await statuses(pair, [GET, PROVEN]) == [200, 200]
