"""What a bench is asked to do, and the run that it becomes on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from benchmarks import machine, results
from benchmarks.arm import Arm, parse_arms
from benchmarks.errors import BadInput
from benchmarks.plan import file_safe, plan
from benchmarks.profile import PolicyTimes, profile
from benchmarks.record import ArmHeader
from benchmarks.results import Run
from benchmarks.scenario import Scenario, load_scenario
from k8s.target import Rendered

T = TypeVar("T")

PLAINTEXT = "the sidecars speak plaintext to each other; mutual TLS, Istio's default, would add to the mesh's cost"
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
    scenarios = tuple(each.scaled(chosen.phase_scale).at_rate(rate) for each in read if each is not None)
    return Order(chosen.name, parsed, scenarios, repetitions or chosen.repetitions, seed, chosen.policy_times)


def create(wanted: Order, rendered: Mapping[str, Rendered], into: Path) -> Run:
    """A new run on disk, named by the time and its arms, with nothing measured yet.

    Raises:
        CannotWrite: the folder of the results cannot be written.

    """
    now = datetime.now(UTC)
    arms = [arm.name for arm in wanted.arms]
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
    if any(each.mode in ("sidecar", "mesh") for each in rendered.values()):
        said.append(PLAINTEXT)
    return said


def unfinished(run: Run) -> tuple[list[Arm], PolicyTimes | None]:
    """The arms that a run still has cells for, and the policy times it was begun with."""
    left = {cell.arm for cell in run.missing()}
    times = run.header.policies["times"]
    arms = [Arm(arm.mode, arm.policies) for arm in run.header.arms if arm.name in left]
    return arms, PolicyTimes(**times) if times else None


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
