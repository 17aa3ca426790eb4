"""The bench: worlds side by side, the cells of a plan one after the other, and every result written as it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import psutil
from rich.console import Console

from benchmarks import machine, results
from benchmarks.arm import Arm, parse_arms
from benchmarks.cell import Conduct
from benchmarks.errors import BadInput
from benchmarks.measures.goodput import goodput
from benchmarks.plan import Cell, file_safe, plan
from benchmarks.profile import PolicyTimes, profile
from benchmarks.progress import Reporter, reporter
from benchmarks.record import ArmHeader, Record
from benchmarks.results import Run
from benchmarks.scenario import Crash, Scenario, load_scenario
from benchmarks.worlds import render_arms, require_memory, running
from k8s.target import Rendered, Target
from loadtests.client import Generator

T = TypeVar("T")

# A void cell is run once more, after the others of its repetition.
TRIES = 2
NOT_CARRIED = "not carried by the library"


@dataclass(frozen=True, slots=True)
class Order:
    """What a bench is asked to do: everything that decides its result, and nothing else."""

    profile: str
    arms: tuple[Arm, ...]
    scenarios: tuple[Scenario, ...]
    repetitions: int
    seed: int
    times: PolicyTimes | None


def order(
    *,
    profile_name: str,
    arms: Sequence[str] | None,
    scenario_names: Sequence[str] | None,
    repetitions: int | None,
    rate: float | None,
    seed: int,
    policies: str,
) -> Order:
    """Complete what was named by what the profile says.

    Raises:
        BadInput: with everything that is wrong, at once.

    """
    problems: list[str] = []

    def tried(make: Callable[[], T]) -> T | None:
        try:
            return make()
        except BadInput as bad:
            problems.extend(bad.problems)
            return None

    chosen = tried(lambda: profile(profile_name))
    named = arms or (chosen.arms if chosen else ())
    parsed = tried(lambda: parse_arms(list(named), policies))
    read = [tried(partial(load_scenario, each)) for each in scenario_names or (chosen.scenarios if chosen else ())]
    if problems or chosen is None or parsed is None:
        raise BadInput(problems)
    scenarios = tuple(scaled(each, chosen.phase_scale, rate) for each in read if each is not None)
    return Order(chosen.name, parsed, scenarios, repetitions or chosen.repetitions, seed, chosen.policy_times)


def scaled(scenario: Scenario, factor: float, rate: float | None) -> Scenario:
    """The same scenario with each phase `factor` times as long, and at another rate (per second) if one is given."""
    phases = {name: length * factor for name, length in scenario.phases.model_dump().items()}
    changes: dict[str, Any] = {"phases": scenario.phases.model_copy(update=phases)}
    if rate is not None:
        changes["load"] = scenario.load.model_copy(update={"rate": rate})
    if isinstance(scenario.fault, Crash):
        changes["fault"] = scenario.fault.model_copy(update={"down_s": scenario.fault.down_s * factor})
    return scenario.model_copy(update=changes)


def create(wanted: Order, into: Path) -> Run:
    """A new run on disk, named by the time and its arms, with nothing measured yet.

    Raises:
        CannotWrite: the folder of the results cannot be written.

    """
    now = datetime.now(UTC)
    arms = [arm.name for arm in wanted.arms]
    rendered = render_arms(wanted.arms, wanted.times)
    name = f"{now:%Y%m%d-%H%M%S}-{wanted.profile}-{'-'.join(map(file_safe, arms))}"
    return results.create_run(
        name,
        created=now.isoformat(timespec="seconds"),
        profile=wanted.profile,
        seed=wanted.seed,
        arms=[ArmHeader(name=arm.name, mode=arm.mode, policies=arm.policies) for arm in wanted.arms],
        scenarios=wanted.scenarios,
        plan=plan([each.name for each in wanted.scenarios], arms, wanted.repetitions, wanted.seed),
        environment=machine.describe(),
        versions={"goaround": metadata.version("goaround"), **machine.versions()},
        policies={
            "times": asdict(wanted.times) if wanted.times else None,
            "not_carried": sorted({note for each in rendered.values() for note in each.notes if NOT_CARRIED in note}),
            "arms": {arm: {"istio": each.istio, "library": _library(each)} for arm, each in rendered.items()},
        },
        notes=_notes(rendered),
        into=into,
    )


def _library(rendered: Rendered) -> str | None:
    """The JSON that the library reads, in the mode that has one."""
    if rendered.mode != "library":
        return None
    config = (
        each for each in rendered.objects if each["kind"] == "ConfigMap" and each["metadata"]["name"] == "policies"
    )
    text: str = next(config)["data"]["policies.json"]
    return text


def _notes(rendered: Mapping[str, Rendered]) -> list[str]:
    """What a reader of the tables must know about the policies, each thing once."""
    notes = dict.fromkeys(note for each in rendered.values() for note in each.notes)
    left = [note for note in notes if NOT_CARRIED in note]
    said = [f"shortened for this profile: {note}" for note in notes if note not in left]
    if left:
        fields = sorted({note.split(": ")[1].rpartition(".")[2] for note in left})
        said.append(f"{NOT_CARRIED}: {', '.join(fields)} (with reasons: policies.not_carried in run.json)")
    return said


async def bench(run: Run, target: Target, console: Console) -> None:
    """Run what is missing of a run, in worlds that end with this call, and keep each cell as it ends.

    Raises:
        BadInput: there is not enough memory, or the results cannot be written any more.
        TargetError: a world did not start.
        GeneratorError: the load generator died.

    """
    missing = run.missing()
    if not missing:
        return
    arms = [Arm(arm.mode, arm.policies) for arm in run.header.arms if any(cell.arm == arm.name for cell in missing)]
    times = run.header.policies["times"]
    rendered = render_arms(arms, PolicyTimes(**times) if times else None)
    needs = {arm: target.need(each).memory for arm, each in rendered.items()}
    memory = require_memory(needs, psutil.virtual_memory().available)
    planned = len(run.plan)
    names = [arm.name for arm in run.header.arms]
    with reporter(console, list(run.scenarios), names, planned, planned - len(missing)) as report:
        report.say(memory)
        for note in run.header.notes:
            report.say(f"note: {note}")
        async with (
            await Generator.start() as generator,
            running(target, rendered, run.header.seed, report.say) as worlds,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http,
        ):
            conduct = Conduct(http, generator, worlds, report.tick)
            for repetition in sorted({cell.repetition for cell in missing}):
                await _repetition(run, conduct, report, [cell for cell in missing if cell.repetition == repetition])


async def _repetition(run: Run, conduct: Conduct, report: Reporter, cells: Sequence[Cell]) -> None:
    """Run the cells of one repetition, and those that came out void once more."""
    void = [cell for cell in cells if (await _cell(run, conduct, report, cell)).void]
    for cell in void:
        report.again(cell)
        await _cell(run, conduct, report, cell)


async def _cell(run: Run, conduct: Conduct, report: Reporter, cell: Cell) -> Record:
    report.begin(cell)
    rows = run.rows_path(cell)
    scenario = run.scenarios[cell.scenario]
    record = run.save(cell, await conduct.run(cell, scenario, rows))
    share = None if record.void else goodput(results.read_rows(rows), record, scenario, scenario.primary.phase)
    report.end(cell, share, record.void)
    return record


def counterpart(run: Run, within: Path) -> Run | None:
    """The newest finished run of one other arm under the same seed and scenarios; None if there is none."""
    if len(run.header.arms) != 1:
        return None
    for name in reversed(results.runs(within)):
        other = results.open_run(name, within)
        same = (other.header.seed, other.header.scenarios, len(other.plan)) == (
            run.header.seed,
            run.header.scenarios,
            len(run.plan),
        )
        different = len(other.header.arms) == 1 and other.header.arms != run.header.arms
        if same and different and not other.missing():
            return other
    return None
