"""The report on a terminal: nothing is cut off at 120 columns, in colour where there is colour."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from benchmarks.report.figures import UNKNOWN
from benchmarks.report.table import Column, Report, Table, Tone

STYLES: dict[Tone, str] = {"plain": "", "good": "bold green", "bad": "bold red", "doubt": "yellow", "quiet": "dim"}

NAMES = ("scenario", "arm", "edge", "compared")
"""Columns whose words are names: a reader must know them again."""
NAME_WIDTH, WORD_WIDTH = 14, 20
"""What a name is broken to, and how much of a word is kept together, where room is short."""
EDGE, GAP = 2, 3
"""What a table of SIMPLE_HEAD takes beside its columns: at its ends, and between two columns."""
SILENT = ("0", UNKNOWN)
"""Figures that tell of nothing."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is made narrower: each layout of LAYOUTS gives up a little more than the one before."""

    broken_names: bool = False
    broken_headings: bool = False
    silent_left_out: bool = False


LAYOUTS = (Layout(), Layout(True), Layout(True, True), Layout(True, True, True))


def render(report: Report, console: Console) -> None:
    """Print the report."""
    console.print()
    console.print(Text(report.title, style="bold"))
    console.print(Text(report.summary[0]))
    for finding in report.summary[1:]:
        console.print(Padding(Text(f"- {finding}"), (0, 0, 0, 1)))
    for table in report.tables:
        console.print()
        console.print(Text(table.title, style="bold cyan"))
        console.print(Text(table.about, style="dim"))
        _print(table, console)
    if report.notes:
        console.print()
        console.print(Text("Notes", style="bold cyan"))
        for note in report.notes:
            console.print(Padding(Text(f"- {note}"), (0, 0, 0, 1)))
    for warning in report.warnings:
        console.print()
        console.print(Text.assemble(("Warning: ", "bold yellow"), warning.what, "."))
        console.print(Padding(Text.assemble(("-> ", "bold"), warning.do), (0, 0, 0, 2)))


def _print(table: Table, console: Console) -> None:
    """A table in the first layout that fits; if none does, in parts one below the other, each with the names."""
    every = range(len(table.columns))
    for layout in LAYOUTS:
        shown = [at for at in every if not (layout.silent_left_out and _silent(table, at))]
        widths = {at: _column_width(table, at, layout) for at in shown}
        if _width(widths.values()) <= console.width:
            console.print(_table(table, widths, layout))
            break
    else:
        for part in _parts(table, widths, console.width):
            console.print(_table(table, part, layout))
    if left_out := [table.columns[at].title for at in every if at not in shown]:
        console.print(Text(f"Nothing but {' or '.join(SILENT)}: {', '.join(left_out)}.", style="dim"))


def _silent(table: Table, at: int) -> bool:
    return table.columns[at].align == "right" and all(row[at].text in SILENT for row in table.rows)


def _parts(table: Table, widths: Mapping[int, int], most: int) -> Iterator[dict[int, int]]:
    names = {at: width for at, width in widths.items() if table.columns[at].key in NAMES}
    part = names
    for at, width in widths.items():
        if at in names:
            continue
        if part != names and _width([*part.values(), width]) > most:
            yield part
            part = names
        part = {**part, at: width}
    yield part


def _width(columns: Collection[int]) -> int:
    return EDGE + sum(columns) + GAP * (len(columns) - 1)


def _column_width(table: Table, at: int, layout: Layout) -> int:
    """What a column must have, so that no figure and no name is cut, and no word of prose at WORD_WIDTH or less."""
    column = table.columns[at]
    heading = max(map(len, _heading(column, layout).splitlines()))
    texts = [_text(row[at].text, column, layout) for row in table.rows]
    if column.align == "right" or column.key in NAMES:
        return max([heading, *(len(line) for text in texts for line in text.splitlines())])
    return max([heading, *(min(WORD_WIDTH, len(each)) for text in texts for each in text.split())])


def _heading(column: Column, layout: Layout) -> str:
    if column.align == "left":
        return column.title
    # a number stays with its unit
    return re.sub(r" (?!%)" if layout.broken_headings else "(?<=,) ", "\n", column.title)


def _text(text: str, column: Column, layout: Layout) -> str:
    return _broken(text) if column.key in NAMES and layout.broken_names else text


def _table(table: Table, widths: Mapping[int, int], layout: Layout) -> RichTable:
    """These columns of a table, each at least so wide."""
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for at, width in widths.items():
        column = table.columns[at]
        figures = column.align == "right"
        drawn.add_column(
            _heading(column, layout),
            justify=column.align,
            overflow="ellipsis" if figures else "fold",
            no_wrap=figures,
            min_width=width,
        )
    sections = _several_rows_a_group(table)
    for number, row in enumerate(table.rows):
        first = number == 0 or table.groups[number - 1] != table.groups[number]
        last = number + 1 == len(table.rows) or table.groups[number + 1] != table.groups[number]
        fields = [Text(_text(row[at].text, table.columns[at], layout), style=STYLES[row[at].tone]) for at in widths]
        if not first and table.columns[0].key == "scenario":
            fields[0] = Text("")
        drawn.add_row(*fields, end_section=last and sections)
    return drawn


def _broken(name: str) -> str:
    """A name in lines of NAME_WIDTH at most, broken behind what joins its parts."""
    lines = [""]
    for part in re.findall(r"[^-:@=,. ]*(?:->|[-:@=,. ]|$)", name):
        if lines[-1] and len(lines[-1]) + len(part.rstrip()) > NAME_WIDTH:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def _several_rows_a_group(table: Table) -> bool:
    return len(set(table.groups)) < len(table.groups)
