"""AuthorizationPolicies -> RBAC filters, one per action (security/authz/builder and model)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from istio.compile.names import ROOT_NAMESPACE
from istio.objects.authorization_policy import HEADER_KEY, AuthorizationPolicy, Condition, Operation, Rule, Source
from istio.objects.parse import Objects
from istio.registry import Proxy

Matcher: TypeAlias = dict[str, Any]
_SPIFFE = "spiffe://"
_ANYTHING = {"any": True}
_NEVER = {"permissions": [{"not_rule": _ANYTHING}], "principals": [{"not_id": _ANYTHING}]}
_ACTIONS: tuple[Literal["AUDIT", "DENY", "ALLOW"], ...] = ("AUDIT", "DENY", "ALLOW")
_ENVOYS = {"AUDIT": {"action": "LOG"}, "DENY": {"action": "DENY"}, "ALLOW": {}}  # ALLOW is Envoy's zero value
_TEMPLATE = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"


@dataclass(frozen=True, slots=True)
class _Attribute:
    """One attribute of a request, its values and what they must not be, on one side of a policy."""

    side: Literal["permissions", "principals"]
    key: str
    values: Sequence[str]
    not_values: Sequence[str]

    @property
    def is_http(self) -> bool:
        """Whether only HTTP has it."""
        return self.key in ("hosts", "methods", "paths") or HEADER_KEY.fullmatch(self.key) is not None


class Authorization:
    """The policies of one workload: the mesh's and its namespace's that pick it."""

    def __init__(self, objects: Objects, proxy: Proxy):
        self._policies = [
            one
            for one in objects.authorization_policies
            if one.metadata.namespace in (ROOT_NAMESPACE, proxy.namespace)
            and (one.spec.selector is None or one.spec.selector.picks(proxy.labels))
        ]

    def http_filters(self) -> list[dict[str, Any]]:
        """Return the filters of an HTTP connection: audit, deny, allow, as far as there are such policies."""
        return [_filter("http", rules, {}) for rules in self._rules(tcp=False)]

    def tcp_filters(self) -> list[dict[str, Any]]:
        """Return the filters of a connection of unknown content: what asks for HTTP allows nothing and denies more."""
        return [_filter("network", rules, {"stat_prefix": "tcp."}) for rules in self._rules(tcp=True)]

    def _rules(self, *, tcp: bool) -> Iterator[dict[str, Any]]:
        for action in _ACTIONS:
            chosen = [one for one in self._policies if one.spec.action == action]
            if chosen:
                policies = {name: made for one in chosen for name, made in _policies(one, tcp=tcp)}
                yield {**_ENVOYS[action], **({"policies": policies} if policies else {})}


def _filter(kind: str, rules: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
    return {
        "name": f"envoy.filters.{kind}.rbac",
        "typed_config": {
            "@type": f"type.googleapis.com/envoy.extensions.filters.{kind}.rbac.v3.RBAC",
            "rules": rules,
            "shadow_rules_stat_prefix": "istio_dry_run_allow_",
            **fields,
        },
    }


def _policies(policy: AuthorizationPolicy, *, tcp: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """One of Envoy's policies per rule; without rules one that never matches, so that ALLOW then denies everything."""
    meta, action = policy.metadata, policy.spec.action
    for index, rule in enumerate(policy.spec.rules):
        attributes = _sides(rule)
        allowed = [
            [each for each in group if not (tcp and each.is_http)]
            for side in attributes
            for group in side
            if action != "ALLOW" or not tcp or not any(each.is_http for each in group)
        ]
        if len(allowed) < sum(len(side) for side in attributes):
            continue  # to allow by less than what was asked would allow more
        permissions, principals = allowed[: len(attributes[0])], allowed[len(attributes[0]) :]
        yield (
            f"ns[{meta.namespace}]-policy[{meta.name}]-rule[{index}]",
            {
                "permissions": [_all("rule", [*_matchers(group, "rule", meta.namespace)]) for group in permissions],
                "principals": [_all("id", [*_matchers(group, "id", meta.namespace)]) for group in principals],
            },
        )
    if not policy.spec.rules:
        yield f"ns[{meta.namespace}]-policy[{meta.name}]-rule[0]", _NEVER


def _sides(rule: Rule) -> tuple[list[list[_Attribute]], list[list[_Attribute]]]:
    """Return what is asked and who asks, as alternatives whose attributes must all fit; conditions join every one."""
    conditions = [_of_condition(one) for one in rule.when]
    requests = [_of_operation(one.operation) for one in rule.requests or ()] or [[]]
    callers = [_of_source(one.source) for one in rule.callers or ()] or [[]]
    return (
        [[*group, *(one for one in conditions if one.side == "permissions")] for group in requests],
        [[*group, *(one for one in conditions if one.side == "principals")] for group in callers],
    )


def _of_operation(asked: Operation) -> list[_Attribute]:
    every = [
        _Attribute("permissions", "hosts", asked.hosts, asked.not_hosts),
        _Attribute("permissions", "methods", asked.methods, asked.not_methods),
        _Attribute("permissions", "paths", asked.paths, asked.not_paths),
        _Attribute("permissions", "destination.port", asked.ports, asked.not_ports),
    ]
    return [one for one in every if one.values or one.not_values]


def _of_source(caller: Source) -> list[_Attribute]:
    every = [
        _Attribute("principals", "source.principal", caller.principals, caller.not_principals),
        _Attribute("principals", "source.serviceAccount", caller.service_accounts, caller.not_service_accounts),
        _Attribute("principals", "source.namespace", caller.namespaces, caller.not_namespaces),
        _Attribute("principals", "remote.ip", caller.remote_ip_blocks, caller.not_remote_ip_blocks),
        _Attribute("principals", "source.ip", caller.ip_blocks, caller.not_ip_blocks),
    ]
    return [one for one in every if one.values or one.not_values]


def _of_condition(one: Condition) -> _Attribute:
    asked = one.key.startswith("destination.") or one.key == "connection.sni"
    return _Attribute("permissions" if asked else "principals", one.key, one.values, one.not_values)


def _matchers(group: Sequence[_Attribute], noun: str, namespace: str) -> Iterator[Matcher]:
    for one in group:
        if one.values:
            yield _any(noun, [_matcher(one.key, value, namespace) for value in one.values])
        if one.not_values:
            yield {f"not_{noun}": _any(noun, [_matcher(one.key, value, namespace) for value in one.not_values])}


def _all(noun: str, matchers: list[Matcher]) -> Matcher:
    return {f"and_{noun}s": {f"{noun}s": matchers or [_ANYTHING]}}


def _any(noun: str, matchers: list[Matcher]) -> Matcher:
    return {f"or_{noun}s": {f"{noun}s": matchers}}


def _matcher(key: str, value: str, namespace: str) -> Matcher:
    header = HEADER_KEY.fullmatch(key)
    if header:
        return {"header": _header(header[1], value)}
    match key:
        case "hosts":
            return {"header": _header(":authority", value, ignore_case=True)}
        case "methods":
            return {"header": _header(":method", value)}
        case "paths":
            return _path(value)
        case "destination.port":
            return {"destination_port": int(value)}
        case "destination.ip":
            return {"destination_ip": _block(value)}
        case "connection.sni":
            return {"requested_server_name": _text(value)}
        case "source.ip":
            return {"direct_remote_ip": _block(value)}
        case "remote.ip":
            return {"remote_ip": _block(value)}
        case "source.namespace":
            return _authenticated({"safe_regex": {"regex": f".*/ns/{value.replace('*', '.*')}/.*"}})
        case "source.serviceAccount":
            space, slash, account = value.rpartition("/")
            regex = f"{_SPIFFE}.+/ns/{_quoted(space if slash else namespace)}/(.+/|)sa/{_quoted(account)}(/.+)?"
            return _authenticated({"safe_regex": {"regex": regex}})
        case _:
            return _authenticated(_text(value, _SPIFFE))


def _quoted(text: str) -> str:
    """Return a text as a regular expression of RE2 that matches it alone (Go's regexp.QuoteMeta)."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def _authenticated(name: Matcher) -> Matcher:
    return {"authenticated": {"principal_name": name}}


def _text(value: str, prefix: str = "") -> Matcher:
    """Return ``*`` as anything but nothing, ``x*`` as a prefix, ``*x`` as a suffix."""
    if value == "*":
        return {"safe_regex": {"regex": ".+"}}
    if value.startswith("*"):
        return {"safe_regex": {"regex": f"{prefix}.*{value[1:]}"}} if prefix else {"suffix": value[1:]}
    if value.endswith("*"):
        return {"prefix": prefix + value[:-1]}
    return {"exact": prefix + value}


def _header(name: str, value: str, *, ignore_case: bool = False) -> Matcher:
    if value == "*":
        return {"name": name, "present_match": True}
    return {"name": name, "string_match": {**_text(value), **({"ignore_case": True} if ignore_case else {})}}


def _path(value: str) -> Matcher:
    if "{*}" in value or "{**}" in value:
        template = re.sub(r"\{(\*{1,2})\}", r"\1", value)
        config = {"@type": _TEMPLATE, "path_template": template}
        return {"uri_template": {"name": "uri-template", "typed_config": config}}
    return {"url_path": {"path": _text(value)}}


def _block(value: str) -> Matcher:
    network = ipaddress.ip_network(value, strict=False)
    return {"address_prefix": value.partition("/")[0], "prefix_len": network.prefixlen}
