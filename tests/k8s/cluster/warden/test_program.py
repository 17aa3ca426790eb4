"""The program in the image: what it needs is there, and what it lacks is told."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.pinned import names

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "k8s" / "cluster" / "warden"


def test_it_imports_nothing_but_what_the_image_holds() -> None:
    listed = {one.replace("-", "_") for one in names((ROOT / "services" / "requirements.txt").read_text())}
    allowed = sys.stdlib_module_names | listed | {"k8s"}
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            for one in modules:
                assert one.partition(".")[0] in allowed, f"{file.name} imports {one}"
                assert not one.startswith("k8s") or one.startswith("k8s.cluster.warden"), f"{file.name} imports {one}"


def test_the_image_copies_it_with_the_packages_that_it_is_in() -> None:
    copied = re.findall(r"^COPY (k8s/\S+) ", (ROOT / "services" / "Dockerfile").read_text(), re.MULTILINE)
    assert copied == ["k8s/__init__.py", "k8s/cluster/__init__.py", "k8s/cluster/warden/"]


@pytest.mark.parametrize("package", ["k8s/__init__.py", "k8s/cluster/__init__.py"])
def test_the_packages_that_it_is_in_import_nothing(package: str) -> None:
    assert not [
        one for one in ast.parse((ROOT / package).read_text()).body if isinstance(one, ast.Import | ast.ImportFrom)
    ]


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({}, "error: CONTROL_TOKEN: must be set\n"),
        ({"CONTROL_TOKEN": "x", "WARDEN_PORT": "0"}, "error: WARDEN_PORT='0': must be a port\n"),
    ],
)
def test_what_it_lacks_is_one_line_and_code_2(told: dict[str, str], line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "k8s.cluster.warden"], cwd=ROOT, env=told, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, line)
