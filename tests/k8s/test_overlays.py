"""The overlays as a person applies them, with kubectl alone: what is in them, and that `render` gives the same."""

from __future__ import annotations

from functools import cache
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped] # it ships no types
import pytest
import yaml

from istio import policies
from istio.objects.document import Document
from istio.objects.parse import parse
from k8s import kustomize
from k8s.derived import FILES, derived
from k8s.local.models import INJECT
from k8s.render import MODES, OVERLAYS, WITH_SIDECARS, is_istio, render
from k8s.target import MeshOptions

CALLERS = {
    "collector": {"camera-agent-1", "camera-agent-2", "cpanel"},
    "image-analysis": {"collector"},
    "face-recognition": {"collector"},
    "section-1": {"collector", "cpanel"},
    "section-2": {"collector", "cpanel"},
    "alerts": {"face-recognition", "cpanel"},
    "momentum": {"collector", "alerts", "cpanel"},
    "camera-agent-1": {"cpanel"},
    "camera-agent-2": {"cpanel"},
}
"""Who calls whom in the services' code: the flow of a frame, and what the control panel reads and switches."""


@cache
def overlay(mode: str) -> list[dict[str, Any]]:
    return kustomize.build(OVERLAYS / mode)


def of_kind(mode: str, kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in overlay(mode) if one["kind"] == kind}


def key(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]


def in_order(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(objects, key=key)


@pytest.mark.parametrize("mode", MODES)
def test_an_overlay_applied_by_hand_is_the_world_that_render_makes(mode: str) -> None:
    made = render(mode, mesh=MeshOptions(gateway=mode != "sidecar"))
    by_hand = [one for one in overlay(mode) if not is_istio(one)]
    assert in_order(by_hand) == in_order(made.objects)


@pytest.mark.parametrize("mode", MODES)
def test_an_overlays_istio_objects_are_those_of_the_default_policy_set(mode: str) -> None:
    made = render(mode, mesh=MeshOptions(gateway=mode != "sidecar"))
    by_hand = parse([Document(one) for one in overlay(mode) if is_istio(one)]).to_data()
    assert in_order(list(by_hand)) == in_order(made.istio)


@pytest.mark.parametrize("mode", FILES)
def test_a_derived_file_is_what_the_policy_set_says_now(mode: str) -> None:
    assert FILES[mode].read_text() == derived(mode), "write it anew: python -m k8s.derived"


@pytest.mark.parametrize("mode", MODES)
def test_every_object_of_an_overlay_is_valid_kubernetes(mode: str) -> None:
    for one in overlay(mode):
        if not is_istio(one):
            kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("mode", MODES)
def test_every_object_is_in_the_applications_namespace(mode: str) -> None:
    assert {one["metadata"].get("namespace") for one in overlay(mode) if one["kind"] != "Namespace"} == {"airport"}


@pytest.mark.parametrize("mode", MODES)
def test_every_pod_says_whether_it_wants_a_sidecar(mode: str) -> None:
    said = {one["spec"]["template"]["metadata"]["labels"][INJECT] for one in of_kind(mode, "Deployment").values()}
    assert said == {"true" if mode in WITH_SIDECARS else "false"}


@pytest.mark.parametrize("mode", MODES)
def test_every_pod_is_as_restricted_as_the_strictest_standard_asks(mode: str) -> None:
    for deployment in of_kind(mode, "Deployment").values():
        spec = deployment["spec"]["template"]["spec"]
        [container] = spec["containers"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == {"cpu", "memory"}
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
        assert spec["automountServiceAccountToken"] is False


@pytest.mark.parametrize("mode", MODES)
def test_every_service_has_an_account_of_its_own(mode: str) -> None:
    used = {
        one["spec"]["template"]["metadata"]["labels"]["app"]: one["spec"]["template"]["spec"]["serviceAccountName"]
        for one in of_kind(mode, "Deployment").values()
    }
    assert all(account == app for app, account in used.items())
    assert set(of_kind(mode, "ServiceAccount")) == set(used)


@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_not_allowed_is_denied_both_ways(mode: str) -> None:
    assert of_kind(mode, "NetworkPolicy")["default-deny"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_each_service_may_be_called_by_those_that_call_it_and_by_nobody_else() -> None:
    allowed = {}
    for callee in CALLERS:
        [rule] = of_kind("none", "NetworkPolicy")[f"to-{callee}"]["spec"]["ingress"]
        assert of_kind("none", "NetworkPolicy")[f"to-{callee}"]["spec"]["podSelector"] == {
            "matchLabels": {"app": callee}
        }
        assert rule["ports"] == [{"port": 8080}]
        [source] = rule["from"]
        [expression] = source["podSelector"]["matchExpressions"]
        allowed[callee] = set(expression["values"])
    assert allowed == CALLERS
    opened = {name for name in of_kind("none", "NetworkPolicy") if name.startswith("to-")}
    assert opened == {f"to-{name}" for name in (*CALLERS, "cpanel")}


def scraped(mode: str) -> list[dict[str, str]]:
    """The annotations by which a Prometheus finds each pod's page of metrics."""
    found = [one["spec"]["template"]["metadata"].get("annotations", {}) for one in of_kind(mode, "Deployment").values()]
    return [{name: value for name, value in one.items() if name.startswith("prometheus.io/")} for one in found]


@pytest.mark.parametrize("mode", sorted(set(MODES) - WITH_SIDECARS))
def test_a_pod_without_a_sidecar_names_its_own_page_of_metrics(mode: str) -> None:
    page = {"prometheus.io/scrape": "true", "prometheus.io/port": "9090", "prometheus.io/path": "/metrics"}
    assert all(one == page for one in scraped(mode))


@pytest.mark.parametrize("mode", sorted(WITH_SIDECARS))
def test_a_pod_with_a_sidecar_names_the_proxys_so_that_no_request_is_told_twice(mode: str) -> None:
    page = {"prometheus.io/scrape": "true", "prometheus.io/port": "15020", "prometheus.io/path": "/stats/prometheus"}
    assert all(one == page for one in scraped(mode))


@pytest.mark.parametrize("mode", MODES)
def test_a_prometheus_in_any_namespace_may_come_to_the_pages_of_metrics_and_to_no_other_port(mode: str) -> None:
    of_prometheus = {"app.kubernetes.io/name": "prometheus"}
    opened = set()
    for policy in of_kind(mode, "NetworkPolicy").values():
        for rule in policy["spec"].get("ingress", ()):
            if any(peer.get("podSelector", {}).get("matchLabels") == of_prometheus for peer in rule["from"]):
                assert policy["spec"]["podSelector"] == {}
                assert rule["from"] == [{"namespaceSelector": {}, "podSelector": {"matchLabels": of_prometheus}}]
                opened |= {port["port"] for port in rule["ports"]}
    assert opened == ({9090, 15020, 15090} if mode in WITH_SIDECARS else {9090})


@pytest.mark.parametrize("mode", MODES)
def test_pods_have_the_labels_by_which_kiali_knows_applications_and_versions(mode: str) -> None:
    for one in of_kind(mode, "Deployment").values():
        assert {"app", "version"} <= set(one["spec"]["template"]["metadata"]["labels"])


def test_only_pods_with_a_sidecar_may_ask_istiod() -> None:
    assert {mode for mode in MODES if "istiod" in of_kind(mode, "NetworkPolicy")} == WITH_SIDECARS


@pytest.mark.parametrize("mode", MODES)
def test_a_service_of_several_pods_has_a_disruption_budget_and_no_other_has(mode: str) -> None:
    pods: dict[str, int] = {}
    for one in of_kind(mode, "Deployment").values():
        app = one["spec"]["template"]["metadata"]["labels"]["app"]
        pods[app] = pods.get(app, 0) + one["spec"]["replicas"]
    budgets = of_kind(mode, "PodDisruptionBudget")
    assert set(budgets) == {app for app, number in pods.items() if number > 1}
    for app, budget in budgets.items():
        assert budget["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": {"app": app}}}


@pytest.mark.parametrize("mode", MODES)
def test_replicas_of_a_version_spread_over_nodes_and_still_fit_on_one(mode: str) -> None:
    for one in of_kind(mode, "Deployment").values():
        [spread] = one["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
        assert spread["matchLabelKeys"] == ["app", "version"]
        assert spread["labelSelector"]["matchLabels"].items() <= one["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("mode", sorted(WITH_SIDECARS))
def test_every_proxy_has_one_thread_holds_the_application_back_and_leaves_the_admin_port_alone(mode: str) -> None:
    for one in of_kind(mode, "Deployment").values():
        annotations = one["spec"]["template"]["metadata"]["annotations"]
        config = yaml.safe_load(annotations["proxy.istio.io/config"])
        assert config == {"concurrency": 1, "holdApplicationUntilProxyStarts": True}
        [admin] = [
            port["containerPort"]
            for port in one["spec"]["template"]["spec"]["containers"][0]["ports"]
            if port["name"] == "admin"
        ]
        assert annotations["traffic.sidecar.istio.io/excludeInboundPorts"] == str(admin)


def test_the_default_policy_set_is_the_one_that_the_overlays_have() -> None:
    named = {one["metadata"]["name"] for one in policies.load("matched").to_data() if one["kind"] == "DestinationRule"}
    assert named < set(of_kind("mesh", "DestinationRule"))
