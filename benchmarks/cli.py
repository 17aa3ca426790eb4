"""The command `goaround`: one function a command; what is wrong is said in lines on stderr, with exit code 2."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from benchmarks import bench as benches
from benchmarks import results, world_cli
from benchmarks.errors import BadInput
from benchmarks.faults import FaultFailed
from benchmarks.pods import PodUnreachable
from benchmarks.profile import PROFILES
from benchmarks.report import write
from istio.envoy import NoEnvoy
from istio.objects.refusal import Refused
from istio.policies import UnknownPolicies
from k8s.local.target import LocalTarget
from k8s.target import TargetError
from loadtests.client import GeneratorError

T = TypeVar("T")

app = typer.Typer(
    name="goaround",
    help="Measures where retries, timeouts and circuit breakers should live: in the client library, or in the mesh.",
    epilog="Start with `goaround bench --profile smoke`; `goaround bench` gives verdicts in ten minutes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
world_cli.register(app)

# What a user can cause and mend. Anything else is a defect of ours, and shows its traceback.
MENDABLE = (
    BadInput,
    FaultFailed,
    GeneratorError,
    NoEnvoy,
    PodUnreachable,
    Refused,
    TargetError,
    UnknownPolicies,
)


@app.command()
def bench(
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="none, library, sidecar or mesh; MODE:POLICIES for a policy set of your own. Repeat for several."
        ),
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="A name of `goaround scenarios`, or a YAML file. Repeat for several.")
    ] = None,
    profile: Annotated[str, typer.Option(help="; ".join(f"{p.name}: {p.about}" for p in PROFILES.values()))] = "quick",
    repetitions: Annotated[int | None, typer.Option(min=1, help="Five or more for a verdict.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Frames per second, in place of each scenario's own.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides arrivals, frames, faults and order.")] = 1,
    policies: Annotated[
        str, typer.Option(help="The policy set of the arms that name none: a name, or a folder.")
    ] = "matched",
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Finish a run that was interrupted; it keeps its own settings.")
    ] = None,
    into: Annotated[Path, typer.Option("--results", help="Where runs are kept.")] = results.FOLDER,
) -> None:
    """Compare arms under the same load and faults, and print the table."""
    order = benches.order(
        profile_name=profile, arms=arm, scenario_names=scenario, repetitions=repetitions, rate=rate, seed=seed, policies=policies
    )  # fmt: skip
    console = Console()
    if resume is None:
        run = benches.create(order, into)
    else:
        run = results.open_run(resume, into)
    try:
        asyncio.run(benches.bench(run, LocalTarget(), console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        kept, planned = len(run.finished()), len(run.plan)
        console.print(f"\ninterrupted: {kept} of {planned} cells are kept in {run.folder}", highlight=False)
        console.print(f"go on with: goaround bench --resume {run.name}", highlight=False)
        raise typer.Exit(130) from None
    write(run, "terminal", console)
    console.print(
        f"\nrows, records and checksums: {run.folder}\nagain: goaround report {run.name} --format markdown",
        highlight=False,
    )
    other = benches.counterpart(run, into)
    if other is not None:
        console.print()
        write((run, other), "terminal", console)
