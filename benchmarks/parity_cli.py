"""`goaround mesh parity`: edge by edge, what each arm will do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from benchmarks.console import console
from benchmarks.errors import BadInput
from istio.compile.versions import NEWEST, VERSIONS, UnknownVersion
from istio.objects import Document, parse
from istio.parity import Client, Edge, Inputs, Number, Row, parity
from istio.policies import documents, strengths
from istio.registry import Registry
from k8s.render import DEFAULT_POLICIES, render
from k8s.scheduled import scheduled

MESH = "mesh"
MODES = ("library", "library-endpoints", MESH)
CLIENT = Client(total_s=300.0, connect_s=30.0, connections=100, keepalive_s=15.0)
"""The client of every pod (services.runtime, which nothing here imports; a test holds the two together)."""

Modes = Annotated[
    list[str] | None, typer.Option("--mode", help=f"{', '.join(MODES)}; all without. Repeat for several.")
]
OneEdge = Annotated[
    str | None, typer.Option("--edge", metavar="CALLER->CALLEE", help="One edge; CALLER may be left out.")
]


def edges(policies: str, version: str = NEWEST, *, mtls: bool = True) -> list[Edge]:
    """Compare the arms on every edge of the application under a policy set (a name, or a folder).

    Raises:
        UnknownPolicies, Refused: as `istio.policies.documents` and `istio.objects.parse` do.
        BadInput: no defaults of the release are known.

    """
    read = documents(policies)
    objects = parse(read)
    rendered = render("mesh").objects
    registry = Registry.from_kubernetes([Document(one) for one in scheduled(rendered)])
    given = Inputs(registry, objects, read, CLIENT, version, mtls, strengths=strengths(policies))
    deployments = [one["metadata"] for one in rendered if one["kind"] == "Deployment"]
    callers = [registry.proxy(f"{one['name']}-0", one["namespace"]) for one in deployments]
    callees = [service.name for service in registry.services]
    try:
        found = list(parity(given, callers, callees, deployments[0]["namespace"]))
    except UnknownVersion as error:
        raise BadInput([f"--istio-version: {error}"]) from None
    return [replace(one, callers=tuple(name.removesuffix("-0") for name in one.callers)) for one in found]


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
        typer.echo(json.dumps([_data(one, modes) for one in found], indent=1))
        return
    out = console()
    for one in found:
        out.print(_table(one, modes))
        for line in _lines(one, modes):
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


def _data(edge: Edge, modes: Sequence[str]) -> dict[str, object]:
    made = asdict(edge)
    made["rows"] = [
        {
            **row,
            **{name: {mode: one for mode, one in row[name].items() if mode in modes} for name in ("numbers", "apart")},
        }
        for row in made["rows"]
    ]
    made["left"] = {mode: left for mode, left in made["left"].items() if mode in modes}
    return made


def _table(edge: Edge, modes: Sequence[str]) -> Table:
    title = f"{', '.join(edge.callers)} -> {edge.callee}"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", width=1)
    table.add_column("", no_wrap=True)
    for mode in modes:
        table.add_column(mode.replace("-", "-\n"), max_width=15, overflow="fold")
    table.add_column("whose number", overflow="fold")
    for row in _shown(edge, modes):
        values = (_text(row.numbers[mode].value, row.unit) for mode in modes)
        mark = "≠" if MESH in modes and row.apart.keys() & set(modes) else ""
        table.add_row(mark, row.name, *values, _whose({mode: row.numbers[mode] for mode in modes}))
    return table


def _shown(edge: Edge, modes: Sequence[str]) -> Iterator[Row]:
    """Leave out what no arm does and no object speaks of, but for the first row of each group: what is off is told."""
    groups: set[str] = set()
    for row in edge.rows:
        group = row.name.partition(".")[0]
        numbers = [row.numbers[mode] for mode in modes]
        if group not in groups or any(one.value is not None or one.path for one in numbers):
            yield row
        groups.add(group)


def _text(value: object, unit: str) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float() | int() if unit == "s" and 0 < value < 1:
            return f"{value * 1000:g} ms"
        case float() | int():
            return f"{value:g} {unit}".rstrip()
        case _:
            return str(value).replace(", ", ",").replace(",", "\n")


def _whose(numbers: dict[str, Number]) -> str:
    """One origin where all arms that have a number share it, else each arm's own."""
    origins = {mode: _origin(one) for mode, one in numbers.items() if one.value is not None or one.path}
    told = dict.fromkeys(origins.values())
    if not told:
        return _origin(numbers.get(MESH, next(iter(numbers.values()))))
    if len(told) == 1:
        return next(iter(told))
    named = {origin: _names(mode for mode, other in origins.items() if other == origin) for origin in told}
    return "\n".join(f"{modes}: {origin}" for origin, modes in named.items())


def _names(modes: Iterable[str]) -> str:
    """Both clients by one word: the column is narrow."""
    found = list(modes)
    return "clients" if found == list(MODES[:2]) else ", ".join(one.removeprefix("library-") for one in found)


def _origin(number: Number) -> str:
    if not number.path:
        return number.whose
    field = number.path.rpartition(".")[2]
    return f"{field} {Path(number.file).name}:{number.line}" if number.file else f"{field}, {number.whose}"


def _lines(edge: Edge, modes: Sequence[str]) -> Iterator[str]:
    """Why arms are apart, a line for each reason; what is equal in number and not in time; what is left behind."""
    apart: dict[str, dict[str, list[str]]] = {}
    for row in edge.rows if MESH in modes else ():
        for mode, why in row.apart.items():
            if mode in modes:
                apart.setdefault(why, {}).setdefault(row.name, []).append(mode)
    for why, by_row in apart.items():
        concerned = dict.fromkeys(mode for named in by_row.values() for mode in named)
        yield f"≠ {', '.join(by_row)}: {_names(concerned)}: {why}"
    yield from (f"~ {note}" for note in edge.notes if MESH in modes)
    for mode, left in edge.left.items():
        for one in left if mode in modes else ():
            if one.why not in apart:
                yield f"- {mode}: {one.object}: {one.path}: {one.why}"
