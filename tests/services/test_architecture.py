"""Business code is the same in every mode: it knows no mode, no client implementation, no library."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"
BUSINESS = sorted(
    path
    for folder in SERVICES.iterdir()
    if folder.is_dir() and folder.name not in ("runtime", "__pycache__")
    for path in folder.glob("*.py")
)
IMPLEMENTATIONS = ("services.runtime.plain", "services.runtime.library", "services.runtime.discovery")
RESILIENCE = ("resilience_lib", "tenacity", "pybreaker")
MODE = ("resilience", "policies", '"plain"', '"library"', "retry", "breaker")
HEAVY = ("pydantic", "yaml", "rich", "kubernetes", "typer", "locust")
PURE = ("services.airport",)


def imports(path: Path) -> set[str]:
    """Return the full names that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide where they lead"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(names: set[str], packages: tuple[str, ...]) -> set[str]:
    """Keep the names that lie in one of the packages."""
    return {name for name in names if any(f"{name}.".startswith(f"{package}.") for package in packages)}


def test_there_are_eight_services() -> None:
    assert len({path.parent.name for path in BUSINESS} - {"airport"}) == 8


@pytest.mark.parametrize("path", BUSINESS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_business_code_imports_no_client_and_no_library(path: Path) -> None:
    forbidden = (*IMPLEMENTATIONS, *RESILIENCE, "aiohttp.ClientSession", "services.runtime.clients.make_clients")
    assert not within(imports(path), forbidden)


@pytest.mark.parametrize("path", BUSINESS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_business_code_does_not_mention_the_mode(path: Path) -> None:
    text = path.read_text().lower()
    assert not [word for word in MODE if word in text]


@pytest.mark.parametrize("path", sorted(SERVICES.rglob("*.py")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_service_carries_what_it_does_not_need_in_memory(path: Path) -> None:
    assert not within(imports(path), HEAVY)


@pytest.mark.parametrize("path", sorted((SERVICES / "airport").glob("*.py")), ids=lambda path: path.name)
def test_the_airport_is_pure(path: Path) -> None:
    names = imports(path)
    assert within(names, PURE) == within(names, ("services",))
    assert not within(names, ("aiohttp", "asyncio", "time", "random", "os"))
