"""The command `goaround`: one function a command; what is wrong is said in lines on stderr, with exit code 2."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import (
    demo_cli,
    doctor_cli,
    fault_cli,
    image_cli,
    load_cli,
    mesh_cli,
    monitoring_cli,
    objects_cli,
    order,
    perf_cli,
    places,
    report_cli,
    results,
    scenario_cli,
    selftest_cli,
    trace_cli,
    tutorial_cli,
    watch_cli,
    world_cli,
)
from benchmarks.console import console as output
from benchmarks.errors import INTERRUPTED, NOT_KEPT, UNPROVEN, WRONG, BadInput, NotRemoved
from benchmarks.measures.integrity import account, breaches
from benchmarks.mendable import MENDABLE, sentences
from benchmarks.next_steps import next_steps, onward
from benchmarks.profile import PROFILES
from benchmarks.report import save, write
from benchmarks.report.evidence import comparisons, evidence
from benchmarks.report_cli import Results
from benchmarks.results import Run
from benchmarks.signals import interruptible
from benchmarks.targets import LOCAL, Context, TargetName
from istio.compile.versions import NEWEST, VERSIONS
from k8s.target import MeshOptions

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
demo_cli.register(app)
doctor_cli.register(app)
image_cli.register(app)
load_cli.register(app)
mesh_cli.register(app)
monitoring_cli.register(app)
fault_cli.register(app)
objects_cli.register(app)
perf_cli.register(app)
report_cli.register(app)
trace_cli.register(app)
tutorial_cli.register(app)
watch_cli.register(app)
scenario_cli.register(app)
selftest_cli.register(app)

Arms = Annotated[
    list[str] | None,
    typer.Option(
        "--arm",
        help="none, library, library-endpoints, sidecar, mesh, both; MODE:POLICIES for other policies. "
        "Repeat for several.",
    ),
]
Scenarios = Annotated[
    list[str] | None,
    typer.Option("--scenario", help="A name of `goaround scenarios`, or a YAML file. Repeat for several."),
]
Profile = Annotated[str, typer.Option(help="; ".join(f"{each.name}: {each.about}" for each in PROFILES.values()))]
Repetitions = Annotated[int | None, typer.Option(min=1, help="Of every cell; five or more give a verdict.")]
Rate = Annotated[float | None, typer.Option(help="Frames per second, in place of each scenario's own.")]
Seed = Annotated[int, typer.Option(min=0, help="Decides arrivals, frames, faults and order.")]
Policies = Annotated[str, typer.Option(help="Policy set of the arms that name none: a name, or a folder.")]
MutualTls = Annotated[
    bool,
    typer.Option(
        "--mtls/--no-mtls", help="Sidecars speak mutual TLS; one arm alone without it: `--arm mesh+plaintext`."
    ),
]
IstioVersion = Annotated[str, typer.Option(help=f"Whose defaults sidecars are given: {', '.join(VERSIONS)}.")]
Control = Annotated[
    bool, typer.Option("--aa", help="Each arm against itself: what is left is the noise of the harness.")
]
UntilNarrow = Annotated[
    bool,
    typer.Option(
        "--until-narrow", help="Stop before the last repetition once every interval is as narrow as its margin."
    ),
]
OneWorld = Annotated[
    bool,
    typer.Option(
        "--one-world-at-a-time",
        help="With --target cluster, where it has no room for all: arms take turns in each repetition, and the worlds "
        "that are not measured have no pods.",
    ),
]
BenchImage = Annotated[
    str | None,
    typer.Option(
        "--image",
        help="With --target cluster: the services' image in place of goaround:dev; the harness's is that of the same "
        "name with -bench behind it.",
    ),
]
OnInterrupt = Annotated[
    str,
    typer.Option(
        help="With --target cluster, after Ctrl-C: remove takes away all that was made there, and what was copied "
        "stays; keep lets the Job go on, and --resume follows it again."
    ),
]
Resume = Annotated[str | None, typer.Option(metavar="RUN", help="Finish an interrupted run, with its own settings.")]


@app.command()
def bench(
    context: typer.Context,
    arm: Arms = None,
    scenario: Scenarios = None,
    profile: Profile = "quick",
    repetitions: Repetitions = None,
    rate: Rate = None,
    seed: Seed = 1,
    policies: Policies = "matched",
    mtls: MutualTls = True,
    istio_version: IstioVersion = NEWEST,
    aa: Control = False,
    until_narrow: UntilNarrow = False,
    target: TargetName = LOCAL,
    kube_context: Context = None,
    image: BenchImage = None,
    one_world_at_a_time: OneWorld = False,
    on_interrupt: OnInterrupt = places.REMOVE,
    resume: Resume = None,
    into: Results = results.FOLDER,
) -> None:
    """Compare arms under the same load and the same faults, and print the table.

    With --target cluster the harness runs as a Job in the cluster, and its results are copied here as they come.

    Exit code 1: the fault of a cell was not proven to act and to be gone again, so that the cell is void; or a frame
    was stored more than once, or acknowledged and not stored, in a cell whose services keep ids.
    """
    console = output()
    given = _given(context)
    strange = places.problems(target, given, on_interrupt)
    if resume is None:
        try:
            wanted = order.order(
                profile_name=profile,
                arms=arm,
                scenario_names=scenario,
                repetitions=repetitions,
                rate=rate,
                seed=seed,
                policies=policies,
                mtls=mtls,
                istio_version=istio_version,
                aa=aa,
                until_narrow=until_narrow,
                one_world_at_a_time=one_world_at_a_time,
            )
        except BadInput as bad:
            raise BadInput([*strange, *bad.problems]) from None
        if strange:
            raise BadInput(strange)
        place = places.place(target, kube_context, image, on_interrupt)
        wanted = replace(wanted, istio_version=place.release(istio_version))
        mesh = MeshOptions(istio_version=wanted.istio_version)
        prepared = place.prepare(wanted.arms, wanted.times, mesh, one_world=one_world_at_a_time, resumed=False)
        order.require_support(place.target, wanted, prepared.rendered)
        run = order.create(wanted, prepared.rendered, into, place.surroundings(), place.versions())
    else:
        _refuse_settings(given, strange)
        run = results.open_run(resume, into)
        places.require_same(run, target)
        place = places.place(target, kube_context, run.header.environment.get("image"), on_interrupt)
        places.require_same_cluster(run, place)
        prepared = place.prepare(*order.begun(run), one_world=run.header.one_world_at_a_time, resumed=True)
        if run.missing():
            order.resume(run, prepared.rendered)
    left: NotRemoved | None = None
    try:
        asyncio.run(interruptible(place.bench(run, prepared, console)))
    except NotRemoved as error:
        left = error  # what was measured is told all the same
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("\ninterrupted")
        _say_how_to_go_on(run, console, kube_context)
        raise typer.Exit(INTERRUPTED) from None
    except MENDABLE:
        _say_how_to_go_on(run, console, kube_context)
        raise
    write(run, "terminal", console)
    measured = [(each, run.scenarios[each.scenario]) for each in run.records()]
    frames = account(measured)
    console.print(f"\nintegrity: {frames.sentence()}", soft_wrap=True)
    console.print(f"rows, records and reports: {run.folder}", soft_wrap=True)
    save(run)
    _say_what_is_next(run, console, kube_context)
    other = order.counterpart(run, into)
    if other is not None:
        console.print()
        write((other, run), "terminal", console)
    if left is not None:
        raise left
    unproven, broken = run.unproven(), breaches(measured)
    for cell in unproven:
        _say(f"{cell}: void: its fault was not proven in any try")
    for cell, what in broken.items():
        _say(f"{cell}: integrity not kept: {what}")
    if unproven or broken:
        raise typer.Exit(UNPROVEN if unproven else NOT_KEPT)


def _given(context: typer.Context) -> list[str]:
    """The options that were named on the command line."""
    return [
        next(each for each in parameter.opts if each.startswith("--"))
        for parameter in context.command.params
        if parameter.name and str(context.get_parameter_source(parameter.name)).endswith("COMMANDLINE")
    ]


def _refuse_settings(given: list[str], strange: list[str]) -> None:
    """A run that goes on keeps its own settings, so naming others is a mistake; raises BadInput for each."""
    may = ("--resume", "--results", "--target", "--context", "--on-interrupt")
    found = [f"{name}: a resumed run keeps its own settings; leave it out" for name in given if name not in may]
    if found or strange:
        raise BadInput([*strange, *found])


def _say_what_is_next(run: Run, console: Console, context: str | None) -> None:
    found = evidence(run)
    console.print("next:")
    for what, why in next_steps(run, comparisons(found), found.control, context):
        console.print(f"  {what}\n    {why}", soft_wrap=True, markup=False)


def _say_how_to_go_on(run: Run, console: Console, context: str | None) -> None:
    kept = len(run.finished())
    console.print(f"{kept} of {len(run.plan)} cells are kept in {run.folder}", soft_wrap=True)
    console.print(f"go on with:  {onward(run, context)}", soft_wrap=True)


def main() -> None:
    """Run the command; exit code 2 for what the user can mend, said in one line each."""
    try:
        app()
    except MENDABLE as error:
        for problem in sentences(error):
            _say(problem)
        sys.exit(WRONG)


def _say(problem: object) -> None:
    print(f"goaround: {problem}", file=sys.stderr)  # noqa: T201 - this is the command line
