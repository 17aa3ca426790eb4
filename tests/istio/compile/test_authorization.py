"""Who may ask what, as RBAC filters."""

import ipaddress
from typing import Any

import pytest

from istio.compile.authorization import Authorization
from tests.istio.world import COLLECTOR, objects


def policy(spec: str, name: str = "one", namespace: str = "airport") -> str:
    return f"""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}
---
"""


def rules(text: str, *, tcp: bool = False) -> list[Any]:
    found = Authorization(objects(text), COLLECTOR)
    filters = found.tcp_filters() if tcp else found.http_filters()
    return [one["typed_config"]["rules"] for one in filters]


def only(text: str) -> Any:
    """Return the one policy of one filter."""
    [one] = rules(text)
    [found] = one["policies"].values()
    return found


def principal(source: str) -> Any:
    [found] = only(policy(f"{{rules: [{{from: [{{source: {source}}}]}}]}}"))["principals"]
    [one] = found["and_ids"]["ids"]
    return one


def permission(operation: str) -> Any:
    [found] = only(policy(f"{{rules: [{{to: [{{operation: {operation}}}]}}]}}"))["permissions"]
    [one] = found["and_rules"]["rules"]
    return one


def test_without_policies_there_are_no_filters() -> None:
    assert rules("") == []
    assert rules("", tcp=True) == []


def test_audit_comes_before_deny_and_deny_before_allow() -> None:
    text = "".join(policy(f"{{action: {one}, rules: [{{}}]}}", one.lower()) for one in ("ALLOW", "DENY", "AUDIT"))
    assert [one.get("action") for one in rules(text)] == ["LOG", "DENY", None]


def test_policies_of_one_action_share_a_filter_by_namespace_name_and_rule() -> None:
    text = policy("{rules: [{}, {}]}") + policy("{rules: [{}]}", "two", "istio-system")
    [one] = rules(text)
    assert set(one["policies"]) == {
        "ns[airport]-policy[one]-rule[0]",
        "ns[airport]-policy[one]-rule[1]",
        "ns[istio-system]-policy[two]-rule[0]",
    }


def test_policies_of_other_workloads_and_namespaces_say_nothing() -> None:
    assert rules(policy("{selector: {matchLabels: {app: alerts}}, rules: [{}]}")) == []
    assert rules(policy("{rules: [{}]}", namespace="elsewhere")) == []


def test_a_policy_without_rules_allows_nothing() -> None:
    assert only(policy("{}")) == {
        "permissions": [{"not_rule": {"any": True}}],
        "principals": [{"not_id": {"any": True}}],
    }


def test_an_empty_rule_allows_everything() -> None:
    assert only(policy("{rules: [{}]}")) == {
        "permissions": [{"and_rules": {"rules": [{"any": True}]}}],
        "principals": [{"and_ids": {"ids": [{"any": True}]}}],
    }


@pytest.mark.parametrize(
    ("value", "matcher"),
    [
        ("/a", {"exact": "/a"}),
        ("/a*", {"prefix": "/a"}),
        ("*/a", {"suffix": "/a"}),
        ("*", {"safe_regex": {"regex": ".+"}}),
    ],
)
def test_a_star_stands_for_the_rest(value: str, matcher: dict[str, Any]) -> None:
    [one] = permission(f'{{paths: ["{value}"]}}')["or_rules"]["rules"]
    assert one == {"url_path": {"path": matcher}}


def test_a_template_is_compared_segment_by_segment() -> None:
    [one] = permission('{paths: ["/a/{*}/b/{**}"]}')["or_rules"]["rules"]
    assert one["uri_template"]["typed_config"]["path_template"] == "/a/*/b/**"


def test_a_host_is_compared_without_case() -> None:
    [one] = permission('{hosts: ["A.test"]}')["or_rules"]["rules"]
    assert one == {"header": {"name": ":authority", "string_match": {"exact": "A.test", "ignore_case": True}}}


def test_what_must_not_be_is_turned_round_as_a_whole() -> None:
    ports = [{"destination_port": 8080}, {"destination_port": 9090}]
    assert permission('{notPorts: ["8080", "9090"]}') == {"not_rule": {"or_rules": {"rules": ports}}}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ('{principals: ["cluster.local/ns/a/sa/b"]}', {"exact": "spiffe://cluster.local/ns/a/sa/b"}),
        ('{principals: ["*/sa/b"]}', {"safe_regex": {"regex": "spiffe://.*/sa/b"}}),
        ('{namespaces: ["a*"]}', {"safe_regex": {"regex": ".*/ns/a.*/.*"}}),
        ('{serviceAccounts: ["b"]}', {"safe_regex": {"regex": "spiffe://.+/ns/airport/(.+/|)sa/b(/.+)?"}}),
        ('{serviceAccounts: ["a/b"]}', {"safe_regex": {"regex": "spiffe://.+/ns/a/(.+/|)sa/b(/.+)?"}}),
    ],
)
def test_a_caller_is_known_by_its_certificate(source: str, name: dict[str, Any]) -> None:
    assert principal(source) == {"or_ids": {"ids": [{"authenticated": {"principal_name": name}}]}}


def test_addresses_are_those_of_the_connection_or_of_the_first_caller() -> None:
    block = {"address_prefix": "10.0.0.0", "prefix_len": 8}
    assert principal('{ipBlocks: ["10.0.0.0/8"]}') == {"or_ids": {"ids": [{"direct_remote_ip": block}]}}
    one = {"address_prefix": "192.0.2.1", "prefix_len": ipaddress.IPV4LENGTH}
    assert principal('{remoteIpBlocks: ["192.0.2.1"]}') == {"or_ids": {"ids": [{"remote_ip": one}]}}


def test_conditions_join_every_alternative_on_their_own_side() -> None:
    when = "[{key: 'request.headers[x-user]', values: [me]}, {key: destination.port, notValues: ['1']}]"
    found = only(policy(f"{{rules: [{{to: [{{operation: {{methods: [GET]}}}}], when: {when}}}]}}"))
    [asked], [caller] = found["permissions"], found["principals"]
    assert asked["and_rules"]["rules"][1] == {"not_rule": {"or_rules": {"rules": [{"destination_port": 1}]}}}
    header = {"header": {"name": "x-user", "string_match": {"exact": "me"}}}
    assert caller == {"and_ids": {"ids": [{"or_ids": {"ids": [header]}}]}}


HTTP_RULE = "rules: [{to: [{operation: {paths: [/a], ports: ['8080']}}]}]"


def test_bytes_are_not_allowed_by_a_rule_that_asks_for_http() -> None:
    assert rules(policy(f"{{{HTTP_RULE}}}"), tcp=True) == [{}]


def test_bytes_are_denied_by_the_rest_of_a_rule_that_asks_for_http() -> None:
    [one] = rules(policy(f"{{action: DENY, {HTTP_RULE}}}"), tcp=True)
    [found] = one["policies"].values()
    assert found["permissions"] == [{"and_rules": {"rules": [{"or_rules": {"rules": [{"destination_port": 8080}]}}]}}]


def test_a_rule_that_asks_for_no_http_holds_for_bytes_as_it_is() -> None:
    text = policy("{rules: [{to: [{operation: {ports: ['8080']}}]}]}")
    assert rules(text, tcp=True) == rules(text)
