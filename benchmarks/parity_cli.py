"""`goaround mesh parity`: edge by edge, what each arm will do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from benchmarks.console import console
from benchmarks.errors import BadInput
from benchmarks.parity import MESH, MODES, edges, reasons, shown, text, to_data, whose
from istio.compile.versions import NEWEST, VERSIONS
from istio.parity import Edge
from k8s.render import DEFAULT_POLICIES

Modes = Annotated[
    list[str] | None, typer.Option("--mode", help=f"{', '.join(MODES)}; all without. Repeat for several.")
]
OneEdge = Annotated[
    str | None, typer.Option("--edge", metavar="CALLER->CALLEE", help="One edge; CALLER may be left out.")
]


def command(
    policies: Annotated[str, typer.Option(help="Policy set: a name, or a folder of Istio objects.")] = DEFAULT_POLICIES,
    mode: Modes = None,
    edge: OneEdge = None,
    version: Annotated[str, typer.Option("--istio-version", help=f"Whose defaults: {', '.join(VERSIONS)}.")] = NEWEST,
    mtls: Annotated[bool, typer.Option(help="Mutual TLS, as Istio has it; or none in the whole mesh.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="A list of edges, for programs.")] = False,
) -> None:
    """Print, edge by edge, what each arm will do, whose number it is, and where arms cannot be equal, and why."""
    modes = tuple(mode or MODES)
    wrong = [f"--mode: unknown mode {one!r}; choose from: {', '.join(MODES)}" for one in modes if one not in MODES]
    if wrong:
        raise BadInput(wrong)
    found = _chosen(edges(policies, version, mtls=mtls), edge)
    if as_json:
        typer.echo(json.dumps([to_data(one, modes) for one in found], indent=1))
        return
    out = console()
    for one in found:
        out.print(_table(one, modes))
        for line in reasons(one, modes):
            out.print(f"  {escape(line)}")
        out.print()


def _chosen(found: Sequence[Edge], name: str | None) -> list[Edge]:
    if name is None:
        return list(found)
    caller, _, callee = name.rpartition("->")
    chosen = [one for one in found if one.callee == callee and (not caller or caller in one.callers)]
    if not chosen:
        callers = sorted({caller for one in found for caller in one.callers})
        callees = ", ".join(dict.fromkeys(one.callee for one in found))
        raise BadInput([f"--edge {name}: must be CALLER->CALLEE; callers: {', '.join(callers)}; callees: {callees}"])
    return [replace(one, callers=(caller,)) for one in chosen] if caller else chosen


def _table(edge: Edge, modes: Sequence[str]) -> Table:
    title = f"{', '.join(edge.callers)} -> {edge.callee}"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", width=1)
    table.add_column("", no_wrap=True)
    for mode in modes:
        table.add_column(mode.replace("-", "-\n"), max_width=15, overflow="fold")
    table.add_column("whose number", overflow="fold")
    for row in shown(edge, modes):
        values = (text(row.numbers[mode].value, row.unit) for mode in modes)
        mark = "≠" if MESH in modes and row.apart.keys() & set(modes) else ""
        table.add_row(mark, row.name, *values, whose({mode: row.numbers[mode] for mode in modes}))
    return table
