from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
