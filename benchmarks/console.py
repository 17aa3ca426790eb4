"""Standard output, as wide as the tables want."""

from __future__ import annotations

from rich.console import Console

FILE_WIDTH = 120


def console() -> Console:
    """The terminal at its own width; a pipe or a file at FILE_WIDTH columns, where rich would take 80."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(width=FILE_WIDTH, highlight=False)
