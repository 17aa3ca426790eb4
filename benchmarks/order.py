"""What a bench is asked to do, and the run that it becomes on disk."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import machine, parity, results, stopping
from benchmarks.arm import WITH_POLICIES, Arm, parse_arms
from benchmarks.errors import BadInput
from benchmarks.plan import file_safe, plan
from benchmarks.profile import PolicyTimes, profile
from benchmarks.record import ArmHeader
from benchmarks.results import Run
from benchmarks.scenario import Scenario, load_scenario, names
from benchmarks.sweep import Axes
from istio import settings
from istio.compile.versions import NEWEST
from istio.objects import Refused
from istio.policies import STRENGTHS, UnknownPolicies, load
from k8s.render import LIBRARIES, WITH_SIDECARS
from k8s.target import MeshOptions, Rendered, Target

T = TypeVar("T")

PLAINTEXT = "the sidecars of {} speak plaintext to each other; mutual TLS, Istio's default, would add to the cost"
CONTROL = (
    "A/A control: an arm and the same arm once more (#2): what differs between the two is the noise of the harness"
)
TURNS = (
    "one world at a time: in a repetition the arms took turns, each in a world whose pods were started anew for its "
    "turn, so that a drift of the machine between two turns may look like a difference of arms"
)
ISTIO = "istio (defaults)"
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
    istio_version: str
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By scenario, the names of its arms, where it does not run in all."""
    until_narrow: bool = False
    one_world_at_a_time: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    """By scenario family, the file of a scenario that is the user's own."""


def order(
    *,
    profile_name: str,
    arms: Sequence[str] | None,
    scenario_names: Sequence[str] | None,
    repetitions: int | None,
    rate: float | None,
    seed: int,
    policies: str,
    istio_version: str = NEWEST,
    mtls: bool = True,
    aa: bool = False,
    until_narrow: bool = False,
    one_world_at_a_time: bool = False,
) -> Order:
    """Complete what was named by what the profile says. `aa`: each arm against itself, as the control of the harness.

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
    read = [tried(partial(load_scenario, each)) for each in scenario_names or (chosen.scenarios if chosen else ())]
    known = [each for each in read if each is not None]
    usual = tuple(arms or (chosen.arms if chosen else ()))
    # What was asked for on the command line is run; only who asked for nothing gets each scenario's own choice.
    named = {each.name: tuple(each.arms) if each.arms and not arms else usual for each in known}
    every = list(dict.fromkeys(arm for its in named.values() for arm in its)) if known and not arms else list(usual)
    parsed = tried(lambda: parse_arms(every, policies))
    points = {each.name: each.points() for each in known}
    timed = [tried(partial(point.at_rate, rate)) for its in points.values() for point in its]
    axes = {path: values for each in known for path, values in each.policy_axes.items()}
    if axes and len(known) > 1:
        problems.append(f"a scenario that sweeps policies ({', '.join(axes)}) is run alone: each point is a world")
    if axes and parsed and not any(arm.mode in WITH_POLICIES for arm in parsed):
        problems.append(f"{', '.join(axes)}: no arm here has policies to vary; add --arm library or --arm mesh")
    problems += [problem for arm in parsed or () for problem in _uncarried(arm, axes)]
    twice = sorted(name for name, n in Counter(each.name for each in known).items() if n > 1)
    problems += [f"scenario {name!r} is named twice: a scenario is known by its file's name" for name in twice]
    if problems or chosen is None or parsed is None:
        raise BadInput(dict.fromkeys(problems))
    scenarios = tuple(each.scaled(chosen.phase_scale) for each in timed if each is not None)
    final = dict(zip(every, parsed, strict=True))
    if not mtls:
        final = {text: replace(arm, plaintext=arm.mode in WITH_SIDECARS) for text, arm in final.items()}
    placed = {text: arm.swept(axes) for text, arm in final.items()}
    if aa:
        placed = {text: [*its, *(replace(arm, twin=True) for arm in its)] for text, its in placed.items()}
    only = {
        point.name: tuple(dict.fromkeys(arm.name for text in its for arm in placed[text]))
        for name, its in named.items()
        if its != tuple(every)
        for point in points[name]
    }
    repetitions = repetitions or chosen.repetitions
    if until_narrow and repetitions <= stopping.LEAST:
        raise BadInput(
            [f"--until-narrow looks after {stopping.LEAST} repetitions first: give more, as `--repetitions 30`"]
        )
    together = tuple(dict.fromkeys(arm for its in placed.values() for arm in its))
    files = {Path(each).stem: str(each) for each in scenario_names or () if str(each) not in names()}
    return Order(
        profile=chosen.name,
        arms=together,
        scenarios=scenarios,
        repetitions=repetitions,
        seed=seed,
        times=chosen.policy_times,
        istio_version=istio_version,
        only=only,
        until_narrow=until_narrow,
        one_world_at_a_time=one_world_at_a_time,
        files=files,
    )


def _uncarried(arm: Arm, axes: Axes) -> Iterator[str]:
    """What of a sweep no object of the arm's policy set can carry: its points would be the same world."""
    if not axes or arm.policies is None:
        return
    # what is wrong with a set itself is said when it is rendered
    with contextlib.suppress(UnknownPolicies, Refused):
        for path, kind in settings.uncarried(load(arm.policies), axes).items():
            yield f"arm {arm.name}: sweep.{path}: its policy set has no {kind} that could carry it; leave the arm out"


def require_effect(wanted: Order, rendered: Mapping[str, Rendered]) -> None:
    """Refuse an arm in which an axis of a sweep changes nothing, before any world is started.

    That is so where a library does not carry the field: its points would be one world under several names.

    Raises:
        BadInput: for each arm and axis of which this is so.

    """
    problems = []
    swept: dict[Arm, list[Arm]] = {}
    for arm in wanted.arms:
        swept.setdefault(replace(arm, settings=(), twin=False), []).append(arm)
    for plain, its in swept.items():
        for path in dict(its[0].settings):
            made: dict[object, list[tuple[object, object]]] = {}
            for arm in its:
                others = tuple(one for one in arm.settings if one[0] != path)
                parts = rendered[arm.name]
                made.setdefault((others, arm.twin), []).append((parts.objects, parts.istio))
            if all(len(same) > 1 and all(one == same[0] for one in same) for same in made.values()):
                problems.append(
                    f"arm {plain.name}: sweep.{path}: changes nothing there, as it is {NOT_CARRIED}; "
                    "leave the arm or the axis out"
                )
    if problems:
        raise BadInput(problems)


def require_victims(scenarios: Iterable[Scenario], rendered: Mapping[str, Rendered]) -> None:
    """Refuse a fault on more replicas than a world has, before any world is started.

    Raises:
        BadInput: for each scenario of which this is so.

    """
    problems: dict[str, None] = {}
    for parts in rendered.values():
        replicas: Counter[str] = Counter()
        for each in parts.objects:
            if each["kind"] == "Deployment":
                replicas[each["spec"]["template"]["metadata"]["labels"]["app"]] += each["spec"]["replicas"]
        for scenario in scenarios:
            fault = scenario.fault
            if fault is not None and (1 if fault.replicas == "all" else fault.replicas) > replicas[fault.service]:
                there = replicas[fault.service]
                problems[f"{scenario.name}: fault.replicas: {fault.replicas}, but {fault.service} has {there}"] = None
    if problems:
        raise BadInput(problems)


def require_support(target: Target, wanted: Order, rendered: Mapping[str, Rendered]) -> None:
    """Refuse what a target or a mode cannot do, before any world is started.

    Raises:
        BadInput: for each scenario and arm of which this is so.

    """
    problems = []
    for scenario in wanted.scenarios:
        meant = f"; it is meant for: {', '.join(scenario.arms)}" if scenario.arms else ""
        for arm in wanted.only.get(scenario.name, tuple(rendered)):
            for ability in sorted({need for each in (scenario.fault, scenario.action) if each for need in each.needs}):
                if why := target.supports(ability, rendered[arm]):
                    problems.append(f"{scenario.name}: arm {arm}: {why}{meant}")
    if problems:
        raise BadInput(problems)


def create(
    wanted: Order,
    rendered: Mapping[str, Rendered],
    into: Path,
    environment: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
) -> Run:
    """A new run on disk, named by the time and its arms, with nothing measured yet.

    `environment` and `versions` say where it will be measured; this machine if left out.

    Raises:
        BadInput: a fault acts on more replicas than there are, or a sweep changes nothing in an arm.
        CannotWrite: the folder of the results cannot be written.

    """
    require_victims(wanted.scenarios, rendered)
    require_effect(wanted, rendered)
    now = datetime.now(UTC)
    arms = [arm.name for arm in wanted.arms]
    named = dict.fromkeys(file_safe(replace(arm, settings=()).name) for arm in wanted.arms)
    name = f"{now:%Y%m%d-%H%M%S}-{wanted.profile}-{'-'.join(named)}"
    return results.create_run(
        name,
        created=now.isoformat(timespec="seconds"),
        profile=wanted.profile,
        seed=wanted.seed,
        arms=[
            ArmHeader(
                name=arm.name,
                mode=arm.mode,
                policies=arm.policies,
                plaintext=arm.plaintext,
                settings=dict(arm.settings),
                twin=arm.twin,
            )
            for arm in wanted.arms
        ],
        scenarios=wanted.scenarios,
        files=wanted.files,
        plan=plan(
            [each.name for each in wanted.scenarios],
            arms,
            wanted.repetitions,
            wanted.seed,
            wanted.only,
            by_arm=wanted.one_world_at_a_time,
        ),
        environment=machine.describe() if environment is None else environment,
        versions={
            "goaround": metadata.version("goaround"),
            ISTIO: wanted.istio_version,
            **(machine.versions() if versions is None else versions),
        },
        policies={
            "times": asdict(wanted.times) if wanted.times else None,
            "not_carried": sorted({note for each in rendered.values() for note in each.notes if NOT_CARRIED in note}),
            "arms": _policies(rendered),
            "parity": _parity(wanted),
        },
        notes=[
            *([CONTROL] if any(arm.twin for arm in wanted.arms) else []),
            *([TURNS] if wanted.one_world_at_a_time else []),
            *_notes(rendered),
        ],
        until_narrow=wanted.until_narrow,
        one_world_at_a_time=wanted.one_world_at_a_time,
        into=into,
    )


def _parity(wanted: Order) -> dict[str, list[dict[str, Any]]]:
    """By policy set, what each arm does on each edge; at no point of a sweep, whose values differ from it."""
    by_set: dict[str, list[Arm]] = {}
    for arm in wanted.arms:
        if arm.policies:
            by_set.setdefault(arm.policies, []).append(arm)
    return {
        arms[0].policies_name: parity.kept(
            parity.edges(
                policies, wanted.istio_version, mtls=not all(arm.plaintext for arm in arms), times=wanted.times
            )
        )
        for policies, arms in by_set.items()
    }


def _policies(rendered: Mapping[str, Rendered]) -> dict[str, Any]:
    """What each arm's policies are, in the form in which the arm reads them."""
    return {arm: {"istio": each.istio, "library": _library(each)} for arm, each in rendered.items()}


def _library(rendered: Rendered) -> str | None:
    """The JSON that the library reads, in the mode that has one."""
    if rendered.mode not in LIBRARIES:
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
    own = [note.split(": ", 1)[1] for note in notes if note.startswith(STRENGTHS)]
    said = [f"shortened for this profile: {note}" for note in notes if note not in left and STRENGTHS not in note]
    said += [f"the library's own ({STRENGTHS}): {note}" for note in own]
    if left:
        fields = sorted({note.split(": ")[1].rpartition(".")[2] for note in left})
        said.append(f"{NOT_CARRIED}: {', '.join(fields)} (with reasons: policies.not_carried in run.json)")
    plain = [arm for arm, each in rendered.items() if each.mesh and not each.mesh.mtls]
    if plain:
        said.append(PLAINTEXT.format(" and ".join(plain)))
    return said


def begun(run: Run) -> tuple[list[Arm], PolicyTimes | None, MeshOptions]:
    """The arms, policy times and mesh that a run was begun with: a resumed cell has the same worlds around it."""
    times = run.header.policies["times"]
    arms = [
        Arm(one.mode, one.policies, one.plaintext, tuple(one.settings.items()), one.twin) for one in run.header.arms
    ]
    mesh = MeshOptions(istio_version=run.header.versions[ISTIO])
    return arms, PolicyTimes(**times) if times else None, mesh


def resume(run: Run, rendered: Mapping[str, Rendered]) -> None:
    """Note in a run that it goes on now.

    Raises:
        BadInput: the policies are not those any more that the run was begun with.

    """
    before, now = run.header.policies["arms"], json.loads(json.dumps(_policies(rendered)))
    changed = [arm for arm in now if now[arm] != before.get(arm)]
    if changed:
        raise BadInput(
            [f"{run.name}: the policies of {arm} have changed since it was begun; start a new run" for arm in changed]
        )
    when, commit = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", machine.commit() or "unknown"
    run.note(f"resumed at {when} (commit {commit}): not all cells were measured in one go")


def counterpart(run: Run, within: Path) -> Run | None:
    """The newest finished run of one other arm under the same seed, scenarios and policy times; None without one."""
    if len(run.header.arms) != 1:
        return None
    for name in reversed(results.runs(within)):
        # What cannot be read is no reason to fail a bench that has just ended well.
        with contextlib.suppress(BadInput):
            other = results.open_run(name, within)
            if _alike(other) == _alike(run) and other.header.arms != run.header.arms and other.ended():
                return other
    return None


def _alike(run: Run) -> object:
    header = run.header
    where = header.environment.get("target")
    return where, len(header.arms), header.seed, header.scenarios, len(header.plan), header.policies.get("times")
