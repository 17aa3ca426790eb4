from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s.local.environment import expand, mounted, variables
from k8s.local.manifests import read
from k8s.local.models import ConfigMap, Metadata
from tests.k8s.tiny import deployment

MOUNTS = {"/data": Path("/pods/a/volumes/data"), "/etc/app": Path("/pods/a/volumes/config")}


@pytest.mark.parametrize(
    ("value", "expanded"),
    [
        ("/data", "/pods/a/volumes/data"),
        ("/data/frames.db", "/pods/a/volumes/data/frames.db"),
        ("file:/etc/app/c.json,/data", "file:/pods/a/volumes/config/c.json,/pods/a/volumes/data"),
        ("/database", "/database"),
        ("/var/data", "/var/data"),
        ("/data.old", "/data.old"),
    ],
)
def test_whole_mount_paths_are_replaced_by_the_pods_directories(value: str, expanded: str) -> None:
    assert expand(value, MOUNTS) == expanded


@given(st.text(st.characters(blacklist_characters="/")))
def test_a_value_without_a_path_stays_as_it_is(value: str) -> None:
    assert expand(value, MOUNTS) == value


def test_what_the_target_sets_wins_over_the_manifest() -> None:
    one = deployment("a")
    one["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "PORT", "value": "8080"},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    container = read([one]).deployments["a"].container
    env = variables(container, {"metadata.name": "a-0"}, {}, {"PORT": "20000"})
    assert (env["PORT"], env["POD_NAME"]) == ("20000", "a-0")


def test_the_users_own_variables_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESILIENCE_MODE", "library")
    container = read([deployment("a")]).deployments["a"].container
    assert "RESILIENCE_MODE" not in variables(container, {}, {}, {})


def test_a_config_map_is_files_in_the_pods_directory(tmp_path: Path) -> None:
    one = deployment("a")
    spec = one["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "data", "configMap": {"name": "config"}}]
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config"}, "data": {"c.json": "{}"}}
    found = read([one, config])
    mounts = mounted(found.deployments["a"].spec.template.spec, tmp_path, found.config_maps)
    assert (mounts["/data"] / "c.json").read_text() == "{}"
    assert found.config_maps["config"] == ConfigMap(
        api_version="v1", kind="ConfigMap", metadata=Metadata(name="config"), data={"c.json": "{}"}
    )
