from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.demos.probes import patch
from k8s.local import manifests
from k8s.render import MODES, render
from k8s.target import TargetError
from tests.k8s.tiny import deployment, service


def errors_of(*objects: dict[str, Any]) -> list[str]:
    with pytest.raises(TargetError) as refused:
        manifests.read(objects)
    return refused.value.errors


@pytest.mark.parametrize("mode", MODES)
def test_every_overlay_can_be_run(mode: str) -> None:
    assert len(manifests.read(render(mode, "matched").objects).deployments) == 12


def test_whatever_only_a_cluster_enforces_is_reported() -> None:
    limits, objects = manifests.read(render("none").objects).notes
    assert "12 deployments are not enforced" in limits
    assert objects == "NetworkPolicies and PodDisruptionBudgets are not enforced on the local target"


def test_unknown_fields_are_refused_by_path_all_at_once() -> None:
    first, second = deployment("collector"), service("collector")
    first["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = {}
    first["spec"]["template"]["spec"]["hostNetwork"] = True
    second["spec"]["sessionAffinity"] = "ClientIP"
    found = " | ".join(errors_of(first, second))
    assert "Deployment collector: spec.template.spec.containers[0].lifecycle: is not a field" in found
    assert "Deployment collector: spec.template.spec.hostNetwork: is not a field" in found
    assert "Service collector: spec.sessionAffinity: is not a field" in found


@given(st.from_regex(r"[a-z]{3,12}X", fullmatch=True))
def test_no_unknown_field_of_a_container_passes(name: str) -> None:
    one = deployment("collector")
    one["spec"]["template"]["spec"]["containers"][0][name] = 1
    assert f".containers[0].{name}: is not a field" in " ".join(errors_of(one))


def test_an_unknown_kind_is_refused() -> None:
    [error] = errors_of({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}})
    assert error.startswith("Job once: the local target runs only Deployment, Service")


def test_a_second_container_is_refused() -> None:
    one = deployment("collector")
    one["spec"]["template"]["spec"]["containers"] *= 2
    assert "spec.template.spec.containers" in errors_of(one)[0]


def test_names_that_lead_nowhere_are_refused() -> None:
    one = deployment("collector")
    spec = one["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "config", "configMap": {"name": "gone"}}]
    spec["containers"][0]["readinessProbe"]["httpGet"]["port"] = "htpp"
    found = " | ".join(errors_of(one))
    assert "volumes[0].configMap.name: no ConfigMap 'gone'" in found
    assert "volumeMounts[0].name: no volume 'data'" in found
    assert "readinessProbe.httpGet.port: no container port 'htpp'" in found


def test_a_probe_asks_in_exactly_one_way() -> None:
    one = deployment("collector")
    (container,) = one["spec"]["template"]["spec"]["containers"]
    container["readinessProbe"]["exec"] = {"command": ["true"]}
    container["livenessProbe"] = {"periodSeconds": 1}
    container["startupProbe"] = {"grpc": {"port": 8080}}
    found = " | ".join(errors_of(one))
    assert "containers[0].startupProbe.grpc: is not a field that the local target runs" in found
    container["startupProbe"] = {"tcpSocket": {"port": "htpp"}}
    found = " | ".join(errors_of(one))
    assert "containers[0].readinessProbe: must have exactly one of httpGet, tcpSocket and exec" in found
    assert "containers[0].livenessProbe: must have exactly one of httpGet, tcpSocket and exec" in found
    assert "containers[0].startupProbe.tcpSocket.port: no container port 'htpp'" in found


def test_a_patch_of_probes_is_merged_into_those_of_the_manifest() -> None:
    read = manifests.read([without_volumes("collector")])
    other = {"readinessProbe": {"httpGet": None, "tcpSocket": {"port": "http"}, "timeoutSeconds": 3}}
    made = manifests.probed(read, "collector", other).container
    assert made.readiness_probe is not None
    assert made.readiness_probe.http_get is None
    assert made.readiness_probe.tcp_socket is not None
    assert (made.readiness_probe.timeout_seconds, made.readiness_probe.failure_threshold) == (3, 1)
    assert made.startup_probe == read.deployments["collector"].container.startup_probe
    assert manifests.probed(read, "collector", {}) == read.deployments["collector"]
    assert manifests.probed(read, "collector", {"readinessProbe": None}).container.readiness_probe is None


@pytest.mark.parametrize(
    ("name", "probes", "told"),
    [
        ("alerts", {}, "no deployment 'alerts'; choose from: collector"),
        ("collector", {"readyProbe": {}}, "readyProbe: is no probe; choose from: livenessProbe, readinessProbe"),
        ("collector", {"readinessProbe": {"tcpSocket": {"port": 1}}}, "must have exactly one of"),
        ("collector", {"livenessProbe": {"exec": {"command": []}}}, "livenessProbe.exec.command: "),
    ],
)
def test_a_patch_that_cannot_be_is_refused(name: str, probes: dict[str, Any], told: str) -> None:
    read = manifests.read([without_volumes("collector")])
    with pytest.raises(TargetError) as refused:
        manifests.probed(read, name, probes)
    assert told in str(refused.value)


def without_volumes(name: str) -> dict[str, Any]:
    one = deployment(name)
    spec = one["spec"]["template"]["spec"]
    del spec["volumes"], spec["containers"][0]["volumeMounts"]
    return one


@pytest.mark.parametrize("way", ["http", "tcp", "exec"])
def test_the_patches_of_the_demonstration_fit_the_collector(way: str) -> None:
    read = manifests.read(render("mesh").objects)
    probe = manifests.probed(read, "collector", patch(way)).container.readiness_probe
    assert probe is not None
    assert {"http": probe.http_get, "tcp": probe.tcp_socket, "exec": probe.exec}[way]
