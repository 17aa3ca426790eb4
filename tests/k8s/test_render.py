from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped] # it ships no types
import pytest

from istio.compile.versions import NEWEST
from k8s.local.models import INJECT, SCALE
from k8s.render import MODES, render, unchangeable
from k8s.target import MeshOptions, Rendered, TargetError

PODS = {
    "collector": 2, "image-analysis": 3, "image-analysis-v2": 0, "face-recognition": 2, "camera-agent-1": 1,
    "camera-agent-2": 1, "section-1": 1, "section-2": 1, "alerts": 1, "momentum": 1, "cpanel-v1": 1, "cpanel-v2": 1,
}  # fmt: skip
SCRAPED = ("prometheus.io/scrape", "prometheus.io/port", "prometheus.io/path")
OF_THE_MODE = ("RESILIENCE_MODE", "POLICIES_FILE", "REPLICAS_SUFFIX")
COMPRESSED = {"interval_s": 0.5, "base_ejection_s": 1.0}


@cache
def world(mode: str) -> Rendered:
    return render(mode, "matched")


def named(rendered: Rendered, kind: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in rendered.objects if one["kind"] == kind}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_the_same_15_pods(mode: str) -> None:
    deployments = named(world(mode), "Deployment")
    assert {name: one["spec"]["replicas"] for name, one in deployments.items()} == PODS


@pytest.mark.parametrize("mode", MODES)
def test_every_object_is_valid_kubernetes(mode: str) -> None:
    for one in world(mode).objects:
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("mode", MODES)
def test_overlays_differ_from_the_control_only_in_mode_and_injection(mode: str) -> None:
    assert stripped(world(mode).objects) == stripped(world("none").objects)


def stripped(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects without what a mode may set: the library's client and policies, the sidecar's label and annotations."""
    own = {("ConfigMap", "policies"), ("NetworkPolicy", "istiod"), ("NetworkPolicy", "scraped-proxies")}
    kept = [
        copy.deepcopy(one)
        for one in objects
        if (one["kind"], one["metadata"]["name"]) not in own and one.get("spec", {}).get("clusterIP") != "None"
    ]
    for one in kept:
        if one["kind"] == "Deployment":
            template = one["spec"]["template"]
            template["metadata"]["labels"].pop(INJECT, None)
            annotations = template["metadata"].pop("annotations", {})
            assert all("istio.io/" in name or name in SCRAPED for name in annotations)
            container = template["spec"]["containers"][0]
            container["env"] = [e for e in container["env"] if e["name"] not in OF_THE_MODE]
            for holder, key in ((container, "volumeMounts"), (template["spec"], "volumes")):
                holder[key] = [v for v in holder.get(key, []) if v["name"] != "policies"]
    return kept


def test_only_the_library_builds_its_clients_from_policies() -> None:
    modes = {
        mode: {
            env["value"]
            for one in named(world(mode), "Deployment").values()
            for env in one["spec"]["template"]["spec"]["containers"][0]["env"]
            if env["name"] == "RESILIENCE_MODE"
        }
        for mode in MODES
    }
    assert modes == {
        "none": {"plain"},
        "library": {"library"},
        "library-endpoints": {"endpoints"},
        "sidecar": {"plain"},
        "mesh": {"plain"},
        "both": {"library"},
    }


def test_only_the_client_that_sees_replicas_has_headless_services_one_beside_each() -> None:
    headless = {
        mode: {name for name, one in named(world(mode), "Service").items() if one["spec"].get("clusterIP") == "None"}
        for mode in MODES
    }
    services = set(named(world("none"), "Service"))
    assert headless.pop("library-endpoints") == {f"{name}-replicas" for name in services}
    assert not any(headless.values())
    for name in services:
        beside = named(world("library-endpoints"), "Service")[f"{name}-replicas"]["spec"]
        assert beside["selector"] == named(world("library-endpoints"), "Service")[name]["spec"]["selector"]


def test_mode_both_has_the_librarys_policies_and_the_meshs() -> None:
    both, library, mesh = world("both"), world("library"), world("mesh")
    assert named(both, "ConfigMap")["policies"] == named(library, "ConfigMap")["policies"]
    assert both.istio == mesh.istio
    assert both.mesh == mesh.mesh
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in named(both, "Deployment").values()]
    assert all(each["sidecar.istio.io/inject"] == "true" for each in labels)


def test_the_librarys_policies_are_those_of_the_istio_objects() -> None:
    policies = json.loads(named(world("library"), "ConfigMap")["policies"]["data"]["policies.json"])
    route = next(
        one["spec"]["http"][0]
        for one in world("mesh").istio
        if one["kind"] == "VirtualService" and one["metadata"]["name"] == "image-analysis"
    )
    assert policies["image-analysis"]["retry"]["attempts"] == route["retries"]["attempts"]
    assert set(policies) == set(named(world("library"), "Service"))


def test_what_the_library_does_not_carry_is_noted() -> None:
    assert any("maxEjectionPercent" in note for note in world("library").notes)


def test_mode_sidecar_switches_retries_off_and_has_no_other_policy() -> None:
    kinds = {one["kind"] for one in world("sidecar").istio}
    attempts = {one["spec"]["http"][0]["retries"]["attempts"] for one in world("sidecar").istio}
    assert (kinds, attempts) == ({"VirtualService"}, {0})


def test_shorter_times_reach_both_arms() -> None:
    mesh, library = render("mesh", "matched", COMPRESSED), render("library", "matched", COMPRESSED)
    rule = next(one for one in mesh.istio if one["kind"] == "DestinationRule")
    policies = json.loads(named(library, "ConfigMap")["policies"]["data"]["policies.json"])
    assert rule["spec"]["trafficPolicy"]["outlierDetection"]["baseEjectionTime"] in ("1s", "1000ms")
    assert policies[rule["metadata"]["name"]]["breaker"]["reset_s"] == 1.0
    assert any("baseEjectionTime 30s -> 1s" in note for note in mesh.notes)


def test_env_is_set_everywhere_or_for_one_deployment() -> None:
    made = render("none", None, {"env": {"*": {"LOG_LEVEL": "debug"}, "alerts": {"IDEMPOTENCY": "off"}}})
    env = {
        name: {e["name"]: e.get("value") for e in one["spec"]["template"]["spec"]["containers"][0]["env"]}
        for name, one in named(made, "Deployment").items()
    }
    assert {one["LOG_LEVEL"] for one in env.values()} == {"debug"}
    assert [name for name, one in env.items() if one.get("IDEMPOTENCY") == "off"] == ["alerts"]


def test_stores_are_marked_as_never_scaled() -> None:
    marked = {
        name
        for name, one in named(world("none"), "Deployment").items()
        if one["metadata"].get("annotations", {}).get(SCALE) == "never"
    }
    assert marked == {"section-1", "section-2", "alerts", "momentum"}


@pytest.mark.parametrize(
    ("mode", "policies", "overrides", "words"),
    [
        (
            "meshed",
            None,
            {},
            "unknown mode 'meshed'; choose from: none, library, library-endpoints, sidecar, mesh, both",
        ),
        ("mesh", "gentle", {}, "no policy set 'gentle'; choose from .*matched"),
        ("mesh", "matched", {"speed": 2}, "unknown override 'speed'; choose from: interval_s"),
        ("mesh", "matched", {"interval_s": 2}, "come together"),
        ("none", None, {"env": {"colector": {"A": "b"}}}, "unknown deployment 'colector'; choose from: .*collector"),
    ],
)
def test_what_is_unknown_is_refused_with_the_choices(
    mode: str, policies: str | None, overrides: dict[str, Any], words: str
) -> None:
    with pytest.raises(TargetError, match=words):
        render(mode, policies, overrides)


def test_sidecars_speak_mutual_tls_unless_it_is_switched_off() -> None:
    assert render("mesh", "matched").mesh == MeshOptions(mtls=True, telemetry=False, istio_version=NEWEST)
    plain = MeshOptions(mtls=False)
    assert render("sidecar", None, mesh=plain).mesh == plain


@pytest.mark.parametrize("mode", ["none", "library"])
def test_a_world_without_sidecars_has_no_mesh(mode: str) -> None:
    assert render(mode).mesh is None


def test_an_unknown_release_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(TargetError, match=r"no defaults of Istio '1.23' are known; choose one of 1.24, .*1.31"):
        render("mesh", "matched", mesh=MeshOptions(istio_version="1.23"))


@pytest.mark.parametrize("mode", MODES)
def test_policies_can_be_changed_where_the_library_or_a_sidecar_follows_some(mode: str) -> None:
    followed = mode != "none"
    assert unchangeable(render(mode)) == ("" if followed else "mode none has no policies that could be changed")
