"""What the image installs is what the lock file says, and all that the services need."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from services.pinned import NotPinned, names, pinned

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
LISTED = names((ROOT / "services" / "requirements.txt").read_text())
OWN = {"services", "resilience_lib"}


def imported() -> set[str]:
    """The top-level modules that the code in the image imports, but for its own and Python's."""
    found = set()
    for room in OWN:
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.partition(".")[0])
    return found - OWN - set(sys.stdlib_module_names) - {"_typeshed"}


def closure(packages: set[str]) -> set[str]:
    """These packages, and what they require where the marker holds or speaks of a Python that we support."""
    found: set[str] = set()
    todo = list(packages)
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        for text in importlib.metadata.requires(name) or []:
            one = Requirement(text)
            environments = [{"extra": "", "python_version": version} for version in ("3.11", "3.13")]
            if one.marker is None or any(one.marker.evaluate(each) for each in environments):
                todo.append(one.name)
    return found


def test_the_list_is_what_the_services_import_and_what_that_requires() -> None:
    assert set(LISTED) == closure(imported())


def test_each_entry_is_cut_out_of_the_lock_file_whole() -> None:
    cut = pinned(LOCK, LISTED)
    assert cut.count("==") == len(LISTED)
    assert all(line in LOCK.splitlines() for line in cut.splitlines())
    entries = cut.replace("\\\n", "").splitlines()
    assert all("--hash=sha256:" in entry for entry in entries)


def test_a_name_that_begins_like_another_is_not_taken_for_it() -> None:
    lock = "aiohttp==1 \\\n    --hash=sha256:a\naiohttp-retry==2 \\\n    --hash=sha256:b\n"
    assert pinned(lock, ["aiohttp"]) == "aiohttp==1 \\\n    --hash=sha256:a\n"


def test_every_package_that_the_lock_file_lacks_is_named() -> None:
    with pytest.raises(NotPinned, match=r"not in the lock file: nosuch, neither; .*make lock"):
        pinned(LOCK, ["aiohttp", "nosuch", "neither"])


def test_it_runs_with_python_alone_as_the_image_build_does(tmp_path: Path) -> None:
    wanted = tmp_path / "wanted.txt"
    wanted.write_text("# one\nuvloop # the loop\n")
    command = [sys.executable, "-I", *map(str, (ROOT / "services" / "pinned.py", ROOT / "requirements.lock", wanted))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own file
    assert done.stdout.startswith("uvloop==")
    assert done.stdout.count("==") == 1
