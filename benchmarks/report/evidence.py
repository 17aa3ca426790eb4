"""What reports are made of: the cells of one run, or of two, sorted into scenario and arm, void ones apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from os.path import commonpath
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import Any

from benchmarks import binomial
from benchmarks.arm import TWIN
from benchmarks.errors import BadInput
from benchmarks.measures import MEASURES, Measure
from benchmarks.record import ArmHeader, Header
from benchmarks.results import Measured, Run
from benchmarks.scenario import Scenario, Window
from benchmarks.verdict import Comparison, compare, judge


@dataclass(frozen=True, slots=True)
class Group:
    """All tries of one scenario in one arm."""

    scenario: Scenario
    arm: str
    valid: tuple[Measured, ...]
    void: tuple[Measured, ...]

    @property
    def window(self) -> Window:
        """The phase that a reader looks at first: the fault phase, or the steady phase where there is none."""
        return "fault" if self.scenario.phases.fault else "steady"

    def values(self, measure: Measure, window: Window) -> dict[int, float]:
        """The measure of each valid cell by repetition; cells that have too little to say are left out."""
        found = {
            cell.record.repetition: measure.of(cell.rows, cell.record, self.scenario, window) for cell in self.valid
        }
        return {repetition: value for repetition, value in found.items() if value is not None}

    def resolutions(self, measure: Measure, window: Window) -> dict[int, float]:
        """How finely each valid cell can know a share of trials, as a standard deviation; empty for other measures."""
        if measure.trials is None:
            return {}
        counted = {
            cell.record.repetition: measure.trials(cell.rows, cell.record, self.scenario, window) for cell in self.valid
        }
        return {repetition: binomial.resolution(trials) for repetition, trials in counted.items() if trials}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Cells of one bench, or of two runs made apart (`interleaved` is False: nothing may be concluded)."""

    headers: tuple[Header, ...]
    arms: tuple[ArmHeader, ...]
    groups: tuple[Group, ...]
    interleaved: bool
    broken: tuple[str, ...]

    @property
    def control(self) -> bool:
        """Whether arms are compared with themselves."""
        return any(arm.twin for arm in self.arms)

    @property
    def planned(self) -> int:
        """Number of cells that were to be run."""
        return sum(len(header.plan) for header in self.headers)

    @property
    def finished(self) -> int:
        """Number of planned cells with a valid try."""
        return sum(len(group.valid) for group in self.groups)

    def policies(self, arm: str) -> Mapping[str, Any]:
        """What an arm's policies were, as its run keeps them; empty for one that is not known by this name."""
        kept: list[Mapping[str, Any]] = [header.policies.get("arms", {}).get(arm, {}) for header in self.headers]
        return next(filter(None, kept), {})

    @property
    def void(self) -> list[Measured]:
        """Every void try."""
        return [cell for group in self.groups for cell in group.void]

    @property
    def scenarios(self) -> list[Scenario]:
        """The scenarios, in the order of the run."""
        return list(self.headers[0].scenarios.values())

    def of(self, scenario: str) -> list[Group]:
        """The arms in which a scenario was to run, in the order of the run."""
        return [group for group in self.groups if group.scenario.name == scenario]


def centre(measure: Measure, values: Iterable[float]) -> float | None:
    """The middle of a measure over repetitions: the geometric mean where arms are compared by ratio, else the mean."""
    values = list(values)
    if not values:
        return None
    return geometric_mean(values) if measure.scale == "ratio" and min(values) > 0 else fmean(values)


def mean(values: Iterable[float]) -> float | None:
    """The arithmetic mean; None of nothing."""
    known = list(values)
    return fmean(known) if known else None


def evidence(run: Run) -> Evidence:
    """Read a run. Raises BadInput when a file cannot be read; changed files are in `broken`."""
    return _sorted((run,), lambda _, arm: arm)


def evidence_side_by_side(first: Run, second: Run) -> Evidence:
    """Read two runs as if they were one; two of the same name are called by their folders.

    Raises BadInput when they cannot be set side by side: says what differs.
    """
    if first.name == second.name:
        first, second = _told_apart(first, second)
    a, b = first.header, second.header
    differences = []
    if a.seed != b.seed:
        differences.append(f"the seeds differ: {a.seed} in {a.name}, {b.seed} in {b.name}")
    for header, other in ((a, b), (b, a)):
        if only := sorted(set(header.scenarios) - set(other.scenarios)):
            differences.append(f"only {header.name} has the scenarios {', '.join(only)}")
    for name in sorted(set(a.scenarios) & set(b.scenarios)):
        one, two = a.scenarios[name].model_dump(), b.scenarios[name].model_dump()
        if fields := [field for field in one if one[field] != two[field]]:
            differences.append(f"the scenario {name} differs in {', '.join(fields)}")
    if differences:
        raise BadInput(f"{a.name} and {b.name} cannot be set side by side: {difference}" for difference in differences)
    shared = {arm.name for arm in a.arms} & {arm.name for arm in b.arms}
    return _sorted((first, second), lambda run, arm: f"{arm} ({run.name})" if arm in shared else arm)


def _told_apart(first: Run, second: Run) -> tuple[Run, Run]:
    """Two runs of one name, called by their folders as seen from the nearest that holds both. Raises BadInput."""
    one, other = first.folder.resolve(), second.folder.resolve()
    if one == other:
        raise BadInput([f"{first.folder}: the run is given twice; name two of them"])
    common = commonpath([one.parent, other.parent])
    return _called(first, one.relative_to(common)), _called(second, other.relative_to(common))


def _called(run: Run, name: Path) -> Run:
    return Run(run.folder, run.header.model_copy(update={"name": name.as_posix()}))


def _sorted(runs: Sequence[Run], rename: Callable[[Run, str], str]) -> Evidence:
    arms, groups = [], []
    measured = {run.name: run.measured() for run in runs}
    planned = {run.name: {(cell.scenario, cell.arm) for cell in run.header.plan} for run in runs}
    for run in runs:
        arms += [arm.model_copy(update={"name": rename(run, arm.name)}) for arm in run.header.arms]
    for name in runs[0].scenarios:
        for run in runs:
            for arm in run.header.arms:
                if (name, arm.name) not in planned[run.name]:
                    continue  # a scenario may make sense in some arms only
                cells = [c for c in measured[run.name] if (c.record.scenario, c.record.arm) == (name, arm.name)]
                groups.append(
                    Group(
                        scenario=run.scenarios[name],
                        arm=rename(run, arm.name),
                        valid=tuple(cell for cell in cells if not cell.record.void),
                        void=tuple(cell for cell in cells if cell.record.void),
                    )
                )
    return Evidence(
        headers=tuple(run.header for run in runs),
        arms=tuple(arms),
        groups=tuple(groups),
        interleaved=len(runs) == 1,
        broken=tuple(sentence for run in runs for sentence in run.verify()),
    )


def comparisons(found: Evidence) -> list[Comparison]:
    """Each arm against each arm before it, on every scenario's primary measure: one family under Holm's correction."""
    if not found.interleaved:
        return []
    family = []
    for scenario in found.scenarios:
        family += [contrast(arm, base) for arm, base in opponents(found, scenario)]
    return judge(family)


def contrast(arm: Group, base: Group) -> Comparison:
    """Set two arms against each other on the primary measure of their scenario; `judge` gives the verdict."""
    scenario, primary = arm.scenario, arm.scenario.primary
    measure = MEASURES[primary.measure]
    pairs = paired(arm, base, measure, primary.phase)
    fine = resolution(arm, base, measure, primary.phase)
    return compare(scenario.name, arm.arm, base.arm, measure, primary.phase, primary.margin, pairs, fine)


def opponents(found: Evidence, scenario: Scenario) -> Iterator[tuple[Group, Group]]:
    """The arms of a scenario that are set against each other, as (arm, base): each against each before it.

    The control is before all others, wherever it was named: they are held against it, and not it against them.
    """
    of = {arm.name: arm for arm in found.arms}
    groups = sorted(found.of(scenario.name), key=lambda group: of[group.arm].mode != "none")
    for at, base in enumerate(groups):
        for arm in groups[at + 1 :]:
            if _compared(of[arm.arm], of[base.arm], found.control):
                yield arm, base


def paired(arm: Group, base: Group, measure: Measure, window: Window) -> list[tuple[float, float]]:
    """The values of two arms in the repetitions in which both have one, in order."""
    ours, theirs = arm.values(measure, window), base.values(measure, window)
    return [(ours[repetition], theirs[repetition]) for repetition in sorted(set(ours) & set(theirs))]


def resolution(arm: Group, base: Group, measure: Measure, window: Window) -> float:
    """The standard deviation that the difference of a pair has at least, by the size of its cells; 0 if not known."""
    ours, theirs = arm.resolutions(measure, window), base.resolutions(measure, window)
    shared = ours.keys() & theirs.keys()
    return fmean(hypot(ours[at], theirs[at]) for at in shared) if shared else 0.0


def _compared(arm: ArmHeader, base: ArmHeader, control: bool) -> bool:
    """In a control, an arm and its twin; of a sweep of policies, arms at the same point.

    One without policies is at every point.
    """
    if control:
        return arm.twin != base.twin and arm.name.replace(TWIN, "") == base.name.replace(TWIN, "")
    return not (arm.settings and base.settings) or arm.settings == base.settings
