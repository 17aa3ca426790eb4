"""What a controlled world has besides: fault control, wardens, a token, and nothing in the overlays."""

from __future__ import annotations

import copy
import json
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
import yaml

from k8s.cluster.control import ADMIN_PORT, BOOTSTRAP, HEADER, KEPT, SECRET, controlled, new_token, secret, token_of
from k8s.cluster.warden import door as warden
from k8s.render import MODES, render
from k8s.target import Document
from services.runtime import token as runtime
from services.runtime.settings import Settings


@cache
def _made(mode: str) -> list[Document]:
    return controlled(render(mode).objects, "a-secret")


def of(mode: str, kind: str) -> dict[str, Document]:
    return {one["metadata"]["name"]: one for one in _made(mode) if one["kind"] == kind}


def templates(mode: str) -> list[dict[str, Any]]:
    return [one["spec"]["template"] for one in of(mode, "Deployment").values()]


@pytest.mark.parametrize("mode", MODES)
def test_every_pod_has_a_warden_that_sees_its_processes_and_is_of_its_user(mode: str) -> None:
    for one in templates(mode):
        app, added = one["spec"]["containers"]
        assert (app["name"], added["name"]) == ("app", "warden")
        assert one["spec"]["shareProcessNamespace"] is True
        assert added["image"] == app["image"]
        assert added["securityContext"] == app["securityContext"]
        assert one["spec"]["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize("mode", MODES)
def test_the_token_reaches_both_containers_from_the_secret_and_stands_nowhere_else(mode: str) -> None:
    reference = {"name": "CONTROL_TOKEN", "valueFrom": {"secretKeyRef": {"name": SECRET, "key": "token"}}}
    for one in templates(mode):
        assert all(reference in container["env"] for container in one["spec"]["containers"])
        assert {"name": "FAULT_CONTROL", "value": "on"} in one["spec"]["containers"][0]["env"]
    assert token_of(of(mode, "Secret")[SECRET]) == "a-secret"
    assert "a-secret" not in json.dumps(_made(mode))


def test_both_ports_of_control_are_past_the_sidecar() -> None:
    for one in templates("mesh"):
        excluded = one["metadata"]["annotations"]["traffic.sidecar.istio.io/excludeInboundPorts"]
        assert excluded.split(",") == ["9090", "9091"]


def test_a_sidecar_keeps_what_it_was_told_and_counts_what_is_measured() -> None:
    for one in templates("mesh"):
        config = yaml.safe_load(one["metadata"]["annotations"]["proxy.istio.io/config"])
        assert (config["concurrency"], config["holdApplicationUntilProxyStarts"]) == (1, True)
        assert config["proxyStatsMatcher"]["inclusionRegexps"]


def test_a_sidecar_writes_its_ejections_into_its_log() -> None:
    said = json.loads(of("mesh", "ConfigMap")[BOOTSTRAP]["data"]["custom_bootstrap.json"])
    assert said == {"cluster_manager": {"outlier_detection": {"event_log_path": "/dev/stdout"}}}
    for one in templates("mesh"):
        assert one["metadata"]["annotations"]["sidecar.istio.io/bootstrapOverride"] == BOOTSTRAP


@pytest.mark.parametrize("mode", ["none", "library"])
def test_a_world_without_sidecars_has_nothing_of_theirs(mode: str) -> None:
    assert not {BOOTSTRAP, KEPT} & of(mode, "ConfigMap").keys()
    assert not any("proxy.istio.io/config" in (one["metadata"].get("annotations") or {}) for one in templates(mode))


def test_a_harness_of_ours_is_let_in_and_nobody_else() -> None:
    policy = of("mesh", "NetworkPolicy")["goaround-control"]["spec"]
    [rule] = policy["ingress"]
    [peer] = rule["from"]
    assert policy["policyTypes"] == ["Ingress"]
    assert peer["namespaceSelector"]["matchLabels"] == {"app.kubernetes.io/managed-by": "goaround"}
    assert peer["podSelector"]["matchLabels"] == {"goaround/part": "bench"}
    assert [one["port"] for one in rule["ports"]] == [8080, 9090, 9091]


def test_what_is_given_is_not_changed() -> None:
    given = render("mesh").objects
    before = copy.deepcopy(given)
    controlled(given, "a-secret")
    assert given == before


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 40
    assert all(token_of(secret(one)) == one for one in tokens)


def test_all_who_speak_of_the_token_mean_the_same_header() -> None:
    assert HEADER == warden.HEADER == runtime.HEADER


def test_the_admin_port_is_where_the_services_listen() -> None:
    assert {one.name: one.default for one in fields(Settings)}["admin_port"] == ADMIN_PORT
