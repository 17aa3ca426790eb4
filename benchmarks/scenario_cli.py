"""The commands that tell what can be asked: scenarios, and scenarios show."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import join
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.actions.canary import Canary
from benchmarks.console import console as output
from benchmarks.measures import MEASURES
from benchmarks.scenario import Scenario, load_scenario, path_of
from benchmarks.scenario import scenarios as all_scenarios
from loadtests.schedule import What

LOADS: Mapping[What, str] = {"frames": "frames", "dashboards": "looks at a dashboard"}
"""What an arrival is, by what a load is made of."""

scenarios = typer.Typer(
    name="scenarios", help="List the scenarios with their questions, or explain one.", invoke_without_command=True
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(scenarios)


@scenarios.callback()
def list_(context: typer.Context) -> None:
    """List the scenarios with their questions, or explain one: goaround scenarios show NAME."""
    if context.invoked_subcommand:
        return
    table = Table("scenario", "question", "decided by", box=None, pad_edge=False)
    for each in all_scenarios():
        primary = each.primary
        table.add_row(each.name, each.question, f"{primary.measure} ({primary.phase}), margin {primary.smallest}")
    output().print(table)


@scenarios.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of the list, or a YAML file of your own.")],
    as_yaml: Annotated[bool, typer.Option("--yaml", help="The file itself, as a start for one of your own.")] = False,
) -> None:
    """Explain one scenario: what it asks, what is done and when, what decides, and what is known already."""
    found = load_scenario(name)
    if as_yaml:
        typer.echo(path_of(name).read_text(encoding="utf-8"), nl=False)
        return
    for line in explained(found):
        typer.echo(line)
    typer.echo(f"\nrun it with: {join(['goaround', 'bench', '--scenario', name])}")


def explained(scenario: Scenario) -> list[str]:
    """A scenario in words, one line each."""
    load, primary, measure = scenario.load, scenario.primary, MEASURES[scenario.primary.measure]
    phases = [f"{phase.name} {phase.start:g}-{phase.end:g} s" for phase in scenario.timeline()]
    if scenario.fault:
        own = scenario.fault.model_dump(exclude={"kind", "service", "replicas"}, exclude_none=True)
        fields = "".join(f", {name} {value}" for name, value in own.items())
        fault = f"{scenario.fault.kind} on {scenario.fault.service}, replicas: {scenario.fault.replicas}{fields}"
    else:
        fault = "none"
    action = _action(scenario)
    told = [f"{name} {value} at {at}" for at, env in scenario.settings.items() for name, value in env.items()]
    axes = [f"{path} {', '.join(map(str, values))}" for path, values in scenario.sweep.items()]
    times = "".join(f"; {times:g} times that in the phase {phase}" for phase, times in load.times.items())
    return [
        f"{scenario.name}: {scenario.question}",
        "",
        f"phases       {', '.join(phases)} (in profile quick)",
        f"load         {load.rate:g} {LOADS[load.what]} a second, {load.pattern}, open loop{times}",
        f"fault        {fault}",
        *([f"action       {action}"] if action else ()),
        *([f"settings     {', '.join(told)}"] if told else ()),
        *([f"sweep        {'; '.join(axes)}: at every point of the grid"] if axes else ()),
        *([f"saturated    {full(scenario)}"] if scenario.saturated else ()),
        f"arms         {', '.join(scenario.arms) or 'those of the profile'}",
        f"decided by   {measure.title} in the phase {primary.phase}; less than {primary.smallest} is no difference",
        f"SLO          {scenario.slo.latency_ms:g} ms, {scenario.slo.target:.1%} of the arrivals",
        f"known        {scenario.expectation.result}",
        f"source       {scenario.expectation.source}",
    ]


def full(scenario: Scenario) -> str:
    """Where the machine is meant to be full, and why; nothing where it is not."""
    meant = scenario.saturated
    return f"may fill the machine in the phases {' and '.join(meant.phases)}: {meant.reason}" if meant else ""


def _action(scenario: Scenario) -> str:
    if scenario.action is None:
        return ""
    own = scenario.action.model_dump(exclude={"kind", "service", "objects"}, exclude_none=True)
    share = f", {scenario.action.share:.0%} of the calls" if isinstance(scenario.action, Canary) else ""
    fields = "".join(
        f", {name} {' and '.join(value) if isinstance(value, tuple) else value}" for name, value in own.items() if value
    )
    return f"{scenario.action.kind} of {scenario.action.service}{fields}{share}"
