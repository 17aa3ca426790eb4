"""Every measure says what it is counted in, and whose idea it is."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from types import ModuleType

import pytest

from benchmarks import measures
from benchmarks.measures import MEASURES
from benchmarks.measures.measure import Unit

NAMED: dict[Unit, str] = {
    "share": "share|0 to 1",
    "ms": "ms",
    "per second": "per second",
    "per call": "logical calls",
    "per frame": "frames",
    "frames": "frames",
    "times the budget": "the budget",
    "CPU-s per 1000": "CPU seconds per 1000",
    "MiB-s per 1000": "MiB-seconds per 1000",
}
"""How a docstring names each unit."""
SHAPES = {"measure"}
"""Modules that measure nothing."""
MODULES = [name for _, name, _ in pkgutil.iter_modules(measures.__path__) if name not in SHAPES]


def says(text: str, word: str) -> bool:
    return re.search(rf"\b({word})\b", text, re.IGNORECASE) is not None


def documentation(module: ModuleType) -> str:
    """Docstrings of a module, and of what is public and defined in it."""
    own = [one for name, one in vars(module).items() if not name.startswith("_") and inspect.getmodule(one) is module]
    return "\n".join(filter(None, map(inspect.getdoc, (module, *filter(callable, own)))))


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_or_its_module_names_its_unit_and_a_source(name: str) -> None:
    of = MEASURES[name].of
    text = f"{inspect.getdoc(of) or ''}\n{inspect.getdoc(importlib.import_module(of.__module__))}"
    assert says(text, NAMED[MEASURES[name].unit])
    assert "Source:" in text


@pytest.mark.parametrize("name", MODULES)
def test_every_module_of_measures_names_a_unit_and_a_source(name: str) -> None:
    text = documentation(importlib.import_module(f"{measures.__name__}.{name}"))
    assert says(text, "seconds|events|calls|lines|" + "|".join(NAMED.values()))
    assert "Source:" in text
