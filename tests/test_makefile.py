"""Targets of the Makefile tell their commands where they are to act."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCAL = {"setup", "test", "lint", "types", "image", "demos", "test-cluster"}
"""What measures and handles no world, or names a cluster in a way of its own."""


def commands(*arguments: str) -> list[str]:
    """What make would run of goaround."""
    done = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603, S607 - the make of whoever tests
    return re.findall(r"^\.venv/bin/goaround (.*)$", done.stdout, re.MULTILINE)


def targets() -> list[str]:
    return re.findall(r"^([a-z-]+): \$\(READY\)", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("target", sorted({*targets(), "cpanel-50-50"} - LOCAL))
def test_a_target_that_handles_worlds_names_the_cluster_and_the_context_that_it_is_given(target: str) -> None:
    [command] = commands(target, "TARGET=cluster", "CONTEXT=lab", "ARGS=--help")
    assert " --target cluster --context lab" in command
    [here] = commands(target)
    assert "--target" not in here


@pytest.mark.parametrize(("code", "left"), [(0, False), (1, True)])
def test_clean_ends_the_worlds_first_and_removes_nothing_where_it_cannot(tmp_path: Path, code: int, left: bool) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    goaround = tmp_path / ".venv" / "bin" / "goaround"
    goaround.parent.mkdir(parents=True)
    goaround.write_text(f'#!/bin/sh\n[ -d .goaround ] && echo "$@" >> told\nexit {code}\n')
    goaround.chmod(0o755)
    (tmp_path / ".goaround").mkdir()
    done = subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S607 - as above
    assert (tmp_path / "told").read_text() == "down\n"
    assert (done.returncode != 0, goaround.exists(), (tmp_path / ".goaround").exists()) == (left, left, left)
    assert ("worlds may still run" in done.stderr) == left


def test_clean_works_where_nothing_is_installed(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / ".goaround").mkdir()
    subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, check=True)  # noqa: S607 - as above
    assert not (tmp_path / ".goaround").exists()
