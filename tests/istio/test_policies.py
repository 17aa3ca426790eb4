"""Policy sets and their compressed times."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio import library, policies
from istio.objects import Refused
from resilience_lib import EdgePolicy, RetryPolicy
from tests.istio.world import destination_rule, objects


def test_matched_has_a_policy_for_every_callee_inside_the_application() -> None:
    found = policies.load("matched")
    inside = {"image-analysis", "face-recognition", "section-1", "section-2", "alerts", "momentum"}
    assert {one.spec.host for one in found.destination_rules} == inside
    assert {host for one in found.virtual_services for host in one.spec.hosts} == inside


def test_the_control_switches_retries_off_and_says_nothing_else() -> None:
    found = policies.load("none")
    assert found.destination_rules == ()
    for one in found.virtual_services:
        [rule] = one.spec.http
        assert rule.retries is not None
        assert rule.retries.attempts == 0
        assert rule.model_fields_set == {"retries", "route"}


def test_an_unknown_set_is_refused_with_the_choices() -> None:
    with pytest.raises(
        policies.UnknownPolicies,
        match="no policy set 'nome'; choose from budget, defaults, matched, native, none, random, retries, round-robin",
    ):
        policies.load("nome")


def test_a_folder_of_ones_own_is_a_policy_set(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(destination_rule("alerts", "subsets: []"))
    assert [one.spec.host for one in policies.load(str(tmp_path)).destination_rules] == ["alerts"]


def test_a_folders_files_may_end_in_either_way(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(destination_rule("alerts", "subsets: []"))
    (tmp_path / "b.yaml").write_text(destination_rule("momentum", "subsets: []"))
    assert [one.spec.host for one in policies.load(str(tmp_path)).destination_rules] == ["alerts", "momentum"]


def test_a_folder_without_a_file_of_objects_is_not_taken_for_a_set_that_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "matched").mkdir()
    (tmp_path / "matched" / "a.yaml").write_text(destination_rule("alerts", "subsets: []"))
    with pytest.raises(Refused, match=r"holds no \*\.yaml and no \*\.yml; `resources: \[\]` in a kustomization\.yaml"):
        policies.load(str(tmp_path))


def test_a_kustomization_of_two_documents_is_refused_at_the_second(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: []\n---\nresources: [a.yaml]\n")
    with pytest.raises(Refused, match=r"kustomization\.yaml:3: must be one document"):
        policies.load(str(tmp_path))


def test_a_kustomization_that_does_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\npatches: []\n")
    with pytest.raises(Refused, match="patches: a policy set only lists resources"):
        policies.load(str(tmp_path))


def test_a_file_that_is_listed_but_missing_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    with pytest.raises(Refused, match=r"a\.yaml: cannot be read"):
        policies.load(str(tmp_path))


def test_compression_shortens_two_times_and_says_so() -> None:
    found, lines = policies.compressed(policies.load("matched"), interval_s=0.5, base_ejection_s=1)
    assert lines == ["outlierDetection.interval 10s -> 500ms", "outlierDetection.baseEjectionTime 30s -> 1s"]
    for data in found.to_data():
        if data["kind"] == "DestinationRule":
            block = data["spec"]["trafficPolicy"]["outlierDetection"]
            assert (block["interval"], block["baseEjectionTime"]) == ("500ms", "1s")


def test_compression_reaches_subsets_ports_and_istios_defaults() -> None:
    text = destination_rule(
        "alerts",
        "trafficPolicy: {portLevelSettings: [{port: {number: 8080}, outlierDetection: {interval: 60s}}]}, "
        "subsets: [{name: v1, trafficPolicy: {outlierDetection: {}}}]",
    )
    [data] = policies.compressed(objects(text), interval_s=1, base_ejection_s=2)[0].to_data()
    short = {"interval": "1s", "baseEjectionTime": "2s"}
    assert data["spec"]["trafficPolicy"]["portLevelSettings"][0]["outlierDetection"] == short
    assert data["spec"]["subsets"][0]["trafficPolicy"]["outlierDetection"] == short


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_no_time_ever_grows(interval_ms: int, base_ms: int) -> None:
    text = destination_rule("alerts", "trafficPolicy: {outlierDetection: {interval: 3s, baseEjectionTime: 7s}}")
    found, _ = policies.compressed(objects(text), interval_s=interval_ms / 1000, base_ejection_s=base_ms / 1000)
    policy = found.destination_rules[0].spec.traffic_policy
    assert policy is not None
    assert policy.outlier_detection is not None
    assert policy.outlier_detection.interval_or_default.total_seconds() <= 3
    assert policy.outlier_detection.base_ejection_or_default.total_seconds() <= 7


@pytest.mark.parametrize(("name", "algorithm"), [("round-robin", "ROUND_ROBIN"), ("random", "RANDOM")])
def test_a_set_of_an_algorithm_is_matched_but_for_the_balancer_of_image_analysis(name: str, algorithm: str) -> None:
    def of(which: str) -> dict[tuple[str, str], Any]:
        return {(one["kind"], one["metadata"]["name"]): one["spec"] for one in policies.load(which).to_data()}

    found, matched = of(name), of("matched")
    ruled = found["DestinationRule", "image-analysis"]["trafficPolicy"]
    assert ruled.pop("loadBalancer") == {"simple": algorithm}
    assert found == matched


def test_the_defaults_say_nothing_and_a_library_then_has_the_retries_that_a_sidecar_has_by_itself() -> None:
    found = policies.load("defaults")
    assert found.to_data() == []
    told, left = library.policies(found, ["image-analysis"])
    assert (told["image-analysis"], left) == (EdgePolicy(retry=RetryPolicy()), [])


def test_the_retries_alone_are_those_of_matched_without_anything_that_spares_a_dependency() -> None:
    alone, matched = policies.load("retries"), policies.load("matched")
    assert alone.destination_rules == ()
    assert {one.spec.hosts[0]: one.spec for one in alone.virtual_services} == {
        one.spec.hosts[0]: one.spec for one in matched.virtual_services
    }
    told, _ = library.policies(alone, ["image-analysis"])
    policy = told["image-analysis"]
    assert policy.retry is not None
    assert (policy.breaker, policy.limits) == (None, None)


def test_a_budget_is_all_that_is_added_to_the_retries_alone() -> None:
    budget, alone = policies.load("budget"), policies.load("retries")
    assert budget.virtual_services == alone.virtual_services
    rules = [one["spec"] for one in budget.to_data() if one["kind"] == "DestinationRule"]
    assert sorted(rule["host"] for rule in rules) == sorted(
        host for one in alone.virtual_services for host in one.spec.hosts
    )
    assert [rule["trafficPolicy"] for rule in rules] == [
        {"retryBudget": {"percent": 20, "minRetryConcurrency": 3}} for _ in rules
    ]
