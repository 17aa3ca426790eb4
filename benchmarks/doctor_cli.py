"""The command that looks whether a world could run in a cluster: doctor."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from benchmarks.arm import Arm
from benchmarks.console import console as output
from benchmarks.errors import WRONG, BadInput
from benchmarks.targets import CLUSTER, Context
from benchmarks.world_cli import DEFAULT_WORLD, Name
from k8s.render import DEFAULT_POLICIES, render
from k8s.target import MeshOptions


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(doctor)


def doctor(
    target: Annotated[str, typer.Option("--target", help="What is looked at: cluster.")] = CLUSTER,
    context: Context = None,
    mode: Annotated[str, typer.Option(help="The mode of the world that would be started.")] = "mesh",
    name: Name = DEFAULT_WORLD,
    image: Annotated[str | None, typer.Option(help="As for `goaround up`.")] = None,
) -> None:
    """Look whether `goaround up --target cluster` would work here; nothing is made or changed.

    What is found `never` no cluster does: faults that are the local target's alone. Exit code 2: something is missing.
    """
    if target != CLUSTER:
        raise BadInput([f"--target {target!r}: must be {CLUSTER}; the local target says what it lacks when it starts"])
    # imported when first asked for, as in benchmarks.targets
    from k8s.cluster.api import Api
    from k8s.cluster.doctor import Found, examine

    arm = Arm.parse(mode, DEFAULT_POLICIES)
    rendered = render(arm.mode, arm.policies, mesh=MeshOptions(gateway=True))
    colours = {Found.GOOD: "green", Found.BAD: "red", Found.UNKNOWN: "yellow", Found.ABSENT: "dim"}
    table = Table("what", "found", "", box=box.SIMPLE_HEAD)
    checks = list(examine(Api(context), name, rendered, image))
    for one in checks:
        colour = colours[one.found]
        table.add_row(one.what, f"[{colour}]{one.found.value}[/{colour}]", escape(one.says))
    output().print(table)
    if any(one.found is Found.BAD for one in checks):
        raise typer.Exit(WRONG)
