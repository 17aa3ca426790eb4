"""The commands that change what the mesh of a running world does: apply, delete, get."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich import box
from rich.markup import escape
from rich.table import Table

from benchmarks.console import console as output
from benchmarks.targets import LOCAL, Context, TargetName, choose
from benchmarks.world_cli import DEFAULT_WORLD, Name
from istio.objects import Document, Fault, Key, Refused, parse
from istio.objects.document import read_files
from k8s.local.gateway import without_place
from k8s.local.target import LocalTarget

Files = Annotated[
    list[Path], typer.Option("-f", "--file", metavar="FILE", help="YAML of Istio objects. Repeat for several.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (apply, delete, get):
        app.command()(command)


def apply(files: Files, name: Name = DEFAULT_WORLD, target: TargetName = LOCAL, context: Context = None) -> None:
    """Create or replace Istio objects in a running world; back when every sidecar follows them.

    On a cluster, back when it has accepted them: sidecars follow as istiod tells them.
    """
    chosen = choose(target, context, LocalTarget)
    documents = _given(files)
    for warning in parse(documents).warnings:
        typer.echo(f"goaround: warning: {warning}", err=True)

    async def run() -> tuple[dict[Key, Any], float]:
        world = await chosen.world(name)
        gateways = [one for one in documents if target == LOCAL and one.data.get("kind") == "Gateway"]
        present = bool(gateways) and (await world.status()).gateway is not None
        for one in gateways:
            for path, why in without_place(one.data, present):
                typer.echo(f"goaround: warning: {one.fault(path, why)}", err=True)
        before = {Document(one).key: one for one in await world.get()}
        started = time.perf_counter()
        await world.apply([one.data for one in documents])
        return before, time.perf_counter() - started

    before, took_s = asyncio.run(run())
    for document in documents:
        known = before.get(document.key)
        word = "created" if known is None else "unchanged" if known == document.data else "replaced"
        typer.echo(f"{document.key}: {word}")
    typer.echo(_in_effect(took_s, target))


def delete(files: Files, name: Name = DEFAULT_WORLD, target: TargetName = LOCAL, context: Context = None) -> None:
    """Delete the Istio objects that stand in files, by kind, namespace and name; their other fields do not matter."""
    chosen = choose(target, context, LocalTarget)
    documents = _given(files)

    async def run() -> float:
        world = await chosen.world(name)
        _refuse_unknown(documents, [Document(one).key for one in await world.get()])
        started = time.perf_counter()
        await world.delete([one.data for one in documents])
        return time.perf_counter() - started

    took_s = asyncio.run(run())
    for document in documents:
        typer.echo(f"{document.key}: deleted")
    typer.echo(_in_effect(took_s, target))


def get(
    name: Name = DEFAULT_WORLD,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="The whole objects, as `goaround apply` reads them.")] = False,
    target: TargetName = LOCAL,
    context: Context = None,
) -> None:
    """Show the Istio objects that are in effect in a running world."""
    chosen = choose(target, context, LocalTarget)

    async def ask() -> list[dict[str, Any]]:
        return await (await chosen.world(name)).get()

    objects = asyncio.run(ask())
    if as_yaml:
        typer.echo(yaml.safe_dump_all(objects, sort_keys=False), nl=False)
    elif objects:
        output().print(_table(objects))
    else:
        typer.echo(f"no Istio objects are in effect in world {name}")


def _given(files: Sequence[Path]) -> list[Document]:
    """The documents of the files; raises Refused when there are none, or one lacks what identifies it."""
    documents = read_files(files)
    faults = [] if documents else [Fault(str(path), 0, "", "holds no object") for path in files]
    for document in documents:
        metadata = document.data.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
            faults.append(document.fault(("metadata", "name"), "is missing; it is required"))
    if faults:
        raise Refused(faults)
    return documents


def _refuse_unknown(documents: Sequence[Document], known: Sequence[Key]) -> None:
    choices = ", ".join(map(str, known)) or "none"
    faults = [
        one.fault(("metadata", "name"), f"there is no {one.key} in this world; there are: {choices}")
        for one in documents
        if one.key not in known
    ]
    if faults:
        raise Refused(faults)


def _in_effect(took_s: float, target: str) -> str:
    if target != LOCAL:
        return f"accepted by the cluster after {took_s * 1000:.0f} ms; sidecars follow as istiod tells them"
    return f"in effect in every sidecar after {took_s * 1000:.0f} ms"


def _table(objects: Sequence[dict[str, Any]]) -> Table:
    table = Table("kind", "namespace", "name", "concerns", box=box.SIMPLE_HEAD)
    for one in objects:
        table.add_row(*map(escape, (*Document(one).key, _concerns(one.get("spec") or {}))))
    return table


def _concerns(spec: dict[str, Any]) -> str:
    """The hosts that an object speaks of, or the pods that it selects."""
    hosts = spec.get("hosts") or ([spec["host"]] if "host" in spec else [])
    selector = (spec.get("selector") or {}).get("matchLabels") or {}
    return ", ".join([*hosts, *(f"{label}={value}" for label, value in selector.items())]) or "all"
