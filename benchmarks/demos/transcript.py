"""What a demonstration prints; and what of it two correct runs have in common, by which a document is held to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from benchmarks.demos.demo import Check, Demo

WIDE = 200
"""Columns: no cell is folded, so that a row is a line wherever it is read."""
_RETURNS = re.compile(r"(deleted|restored|scaled|ejections forgotten|toggled .*: Collector v1 : Online)\b")
_BOUND = re.compile(r"about|or more|far below|at most|at times|^some| s$")
_COUNTED = re.compile(r"_rq_|fault\.|outcomes")
_CELLS = 4


def title(demo: Demo, console: Console) -> None:
    """Print what is shown now."""
    console.print(f"[bold]{demo.name}[/bold]: {escape(demo.about)}", soft_wrap=True)


def outcome(demo: Demo, checks: Sequence[Check], took_s: float, console: Console) -> bool:
    """Print the checks and the verdict; returns it."""
    console.print(_table(checks), width=WIDE, crop=False, no_wrap=True)
    shown = bool(checks) and all(check.shown for check in checks)
    console.print(f"{demo.name}: {'shown' if shown else 'NOT SHOWN'} ({took_s:.1f} s)\n", markup=False)
    return shown


def say(console: Console, line: str) -> None:
    """Print what was done."""
    console.print(f"  {line}", markup=False, soft_wrap=True)


def page(text: str) -> str:
    """Return what a document shows of it: without empty lines, and without what brought a world to its first state."""
    lines = (line.rstrip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not _RETURNS.match(line.strip()))


def normal(text: str) -> list[str]:
    """Return the lines that two correct runs share.

    Left out: empty lines, rules, and what only brought a world back to its first state. Replaced by `*`: how long it
    took, what was seen where a bound, a share or a time was expected, and both figures of a counter whose height is by
    chance. Everything else must be equal, but for spaces.
    """
    return list(_normal(text))


def _normal(text: str) -> Iterator[str]:
    for line in text.splitlines():
        cells = re.split(r" {2,}", line.strip())
        if not line.strip(" ─") or _RETURNS.match(cells[0]):
            continue
        if len(cells) == _CELLS:
            what, expected, seen, mark = cells
            counted = _COUNTED.search(what)
            what = re.sub(r"of \d+ during", "of * during", what)
            seen = "*" if counted or _BOUND.search(expected) else seen
            cells = [what, "*" if counted else expected, seen, mark]
        yield re.sub(r"\([\d.]+ s\)$", "(* s)", "  ".join(cells))


def _table(checks: Sequence[Check]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("observed", "expected", "seen", ""):
        shown.add_column(heading, no_wrap=True)
    for check in checks:
        mark = Text("yes", style="green") if check.shown else Text("NO", style="bold red")
        shown.add_row(escape(check.what), escape(check.expected), escape(check.seen), mark)
    return shown
