"""The arrows between the rooms, as docs/architecture.md draws them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("benchmarks", "istio", "k8s", "loadtests", "resilience_lib", "services")
DOMAIN = "services.airport"
MAY_IMPORT = {
    "resilience_lib": (),
    "services": ("resilience_lib",),
    "istio": ("resilience_lib",),
    "k8s": ("istio",),
    "loadtests": (DOMAIN,),
    "benchmarks": (DOMAIN, "loadtests", "k8s", "istio", "resilience_lib"),
}
# Only the harness needs these; 45 service processes would pay for each with their memory.
TOO_HEAVY_FOR_A_SERVICE = {"pydantic", "yaml", "rich", "typer", "kubernetes", "psutil", "locust"}


def imported(room: str) -> Iterator[tuple[Path, str]]:
    """Every module that a room imports, with the file that does."""
    for file in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield file, node.module
                yield from ((file, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    allowed = (room, *MAY_IMPORT[room])
    wrong = {
        f"{file.relative_to(ROOT)} imports {module}"
        for file, module in imported(room)
        if module.partition(".")[0] in ROOMS
        and not any(f"{module}.".startswith(f"{each}.") for each in allowed)
        # `from services import airport` names the room first, and then what it takes
        and not (module == "services" and DOMAIN in allowed)
    }
    assert not wrong


def test_services_carry_nothing_that_only_the_harness_needs() -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {module}"
        for file, module in imported("services")
        if module.partition(".")[0] in TOO_HEAVY_FOR_A_SERVICE
    }
    assert not wrong


def test_the_top_level_holds_the_rooms_and_nothing_else() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert folders - {"docs", "goaround.egg-info"} == {*ROOMS, "tests"}
