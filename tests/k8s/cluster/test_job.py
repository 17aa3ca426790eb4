"""A bench's Job, its rights and its names, as objects."""

from __future__ import annotations

import base64
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped] # it ships no types
import pytest

from k8s.cluster.job import (
    ARCHIVE,
    Harness,
    label,
    made_by,
    namespace,
    objects,
    own_namespace,
    world,
)
from k8s.cluster.objects import MANAGED_BY
from k8s.render import MODES

RUN = "20261126-153000-quick-none-mesh"
TOKEN = "the token"  # noqa: S105 - of no server
HARNESS = Harness(RUN, b"packed", {"none": world(RUN, 1, "none"), "mesh": world(RUN, 2, "mesh")}, TOKEN, 900, 600)


def kind(name: str) -> list[dict[str, Any]]:
    return [one for one in objects(HARNESS) if one["kind"] == name]


def pod() -> dict[str, Any]:
    [job] = kind("Job")
    found: dict[str, Any] = job["spec"]["template"]
    return found


def test_every_object_is_valid_and_labelled_with_the_run() -> None:
    for one in (own_namespace(RUN), *objects(HARNESS)):
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
        assert one["metadata"]["labels"][MANAGED_BY] == "goaround"
        assert one["metadata"]["labels"]["goaround/run"] == RUN


def test_the_job_comes_last_since_it_needs_all_the_others() -> None:
    assert objects(HARNESS)[-1]["kind"] == "Job"


def test_the_job_is_tried_once_and_ends_by_itself_whatever_becomes_of_who_started_it() -> None:
    [job] = kind("Job")
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["activeDeadlineSeconds"] == 900
    assert job["spec"]["ttlSecondsAfterFinished"] > 0


def test_the_pod_meets_the_restricted_standard_and_its_namespace_asks_for_it() -> None:
    spec = pod()["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    [container] = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert own_namespace(RUN)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_sidecar_stands_between_the_generator_and_what_it_measures() -> None:
    assert pod()["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"


def test_worlds_let_in_who_is_labelled_as_a_bench() -> None:
    assert pod()["metadata"]["labels"]["goaround/part"] == "bench"


def test_the_token_is_in_the_secret_and_nowhere_else() -> None:
    [secret] = kind("Secret")
    assert base64.b64decode(secret["data"]["token"]).decode() == TOKEN
    encoded = secret["data"]["token"]
    others = [one for one in objects(HARNESS) if one["kind"] != "Secret"]
    assert TOKEN not in str(others)
    assert encoded not in str(others)


def test_the_archive_is_in_the_config_map() -> None:
    [config] = kind("ConfigMap")
    assert base64.b64decode(config["binaryData"][ARCHIVE]) == b"packed"


def test_rights_are_given_in_each_world_and_in_no_other_place() -> None:
    places = set(HARNESS.worlds.values())
    assert {one["metadata"]["namespace"] for one in kind("Role")} == places
    assert {one["metadata"]["namespace"] for one in kind("RoleBinding")} == places
    assert not kind("ClusterRole")
    for binding in kind("RoleBinding"):
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "bench", "namespace": namespace(RUN)}]


def test_rights_name_each_verb_and_only_one_secret() -> None:
    for role in kind("Role"):
        assert all("*" not in str(rule) for rule in role["rules"])
        [secrets] = [rule for rule in role["rules"] if "secrets" in rule["resources"]]
        assert (secrets["verbs"], secrets["resourceNames"]) == (["get"], ["goaround-control"])


@pytest.mark.parametrize("mode", MODES)
def test_the_namespace_of_a_world_is_found_by_the_runs_name_and_is_short_enough(mode: str) -> None:
    name = world("r" * 300, 12, mode)
    assert len(name) <= 63
    assert made_by("r" * 300, name)
    assert not made_by("another", name)


def test_the_namespace_of_a_job_belongs_to_its_run() -> None:
    assert made_by(RUN, namespace(RUN))
    assert namespace(RUN) != namespace(f"{RUN}2")


@pytest.mark.parametrize("run", ["a", "x" * 100, "mesh_2_", "with space", "-dash", "x" * 62 + "."])
def test_a_runs_name_becomes_a_label_whatever_it_is(run: str) -> None:
    metadata = {"name": "n", "labels": {"goaround/run": label(run)}}
    assert 0 < len(label(run)) <= 63
    assert label(run)[0].isalnum()
    assert label(run)[-1].isalnum()
    kubernetes_validate.validate(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
        kubernetes_validate.latest_version(),
        strict=True,
    )


def test_two_runs_that_are_cut_are_told_apart() -> None:
    assert label("x" * 100) != label("x" * 101)


def test_what_a_job_is_made_of_is_shown_without_its_token() -> None:
    assert "let-nobody-see" not in repr(Harness("r", b"", {}, "let-nobody-see", 60, 60))
