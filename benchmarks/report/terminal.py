"""The report on a terminal: readable at 120 columns, in colour where there is colour."""

from __future__ import annotations

import re

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from benchmarks.report.table import Report, Table, Tone

STYLES: dict[Tone, str] = {"plain": "", "good": "bold green", "bad": "bold red", "doubt": "yellow", "quiet": "dim"}

NAMES = ("scenario", "arm")
"""Columns whose words are names: a reader must know them again."""
NAME_WIDTH, MOST_WIDTH = 12, 20


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
        console.print(_table(table))
    if report.notes:
        console.print()
        console.print(Text("Notes", style="bold cyan"))
        for note in report.notes:
            console.print(Padding(Text(f"- {note}"), (0, 0, 0, 1)))
    for warning in report.warnings:
        console.print()
        console.print(Text.assemble(("Warning: ", "bold yellow"), warning.what, "."))
        console.print(Padding(Text.assemble(("-> ", "bold"), warning.do), (0, 0, 0, 2)))


def _table(table: Table) -> RichTable:
    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for at, column in enumerate(table.columns):
        # figures are never broken, names where they are joined, headings of figures at the comma
        figures = column.align == "right"
        heading = column.title.replace(", ", ",\n") if figures else column.title
        lines = (
            [line for row in table.rows for line in _broken(row[at].text).splitlines()] if column.key in NAMES else []
        )
        shown.add_column(
            heading,
            justify=column.align,
            overflow="ellipsis" if figures else "fold",
            no_wrap=figures,
            min_width=min(MOST_WIDTH, max(map(len, lines), default=0)) or None,
        )
    for at, row in enumerate(table.rows):
        first = at == 0 or table.groups[at - 1] != table.groups[at]
        last = at + 1 == len(table.rows) or table.groups[at + 1] != table.groups[at]
        fields = [
            Text(_broken(value.text) if column.key in NAMES else value.text, style=STYLES[value.tone])
            for value, column in zip(row, table.columns, strict=True)
        ]
        if not first and table.columns[0].key == "scenario":
            fields[0] = Text("")
        shown.add_row(*fields, end_section=last and _several_rows_a_group(table))
    return shown


def _broken(name: str) -> str:
    """A name in lines of NAME_WIDTH at most, broken behind what joins its parts."""
    lines = [""]
    for part in re.findall(r"[^-:@=,.]+[-:@=,.]?|[-:@=,.]", name):
        if lines[-1] and len(lines[-1]) + len(part) > NAME_WIDTH:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _several_rows_a_group(table: Table) -> bool:
    return len(set(table.groups)) < len(table.groups)
