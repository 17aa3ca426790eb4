"""What the parts of a scenario say against each other.

A law is about the parts that its parameters name, and needs no other: so it is asked of a file too that has parts which
could not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any

from benchmarks.actions.canary import Canary
from benchmarks.arm import parse_arms
from benchmarks.errors import BadInput
from loadtests.schedule import FASTEST

if TYPE_CHECKING:
    from benchmarks.actions import AnyAction
    from benchmarks.faults import AnyFault
    from benchmarks.scenario import Load, Phases, Primary, Saturated
    from benchmarks.settings import Settings


def contradictions(parts: Mapping[str, Any]) -> list[str]:
    """One sentence each, opening with the field. `parts`: of a scenario, by field, without what could not be read."""
    asked = [(law, list(signature(law).parameters)) for law in LAWS]
    said = (law(**{name: parts[name] for name in names}) for law, names in asked if parts.keys() >= set(names))
    return [problem for each in said for problem in each]


def _disturbed(fault: AnyFault | None, action: AnyAction | None, load: Load, phases: Phases) -> Iterator[str]:
    disturbed = fault or action or "fault" in load.times
    if disturbed and not phases.fault:
        yield "phases.fault: a scenario with a fault or an action needs a fault phase of some seconds"
    if not disturbed and (phases.fault or phases.recovery):
        yield (
            "phases: without a fault, or `load.times.fault`, there is nothing to recover from; "
            "write `warm` and `steady` only"
        )


def _raised(load: Load, phases: Phases) -> Iterator[str]:
    for name in load.times:
        if not getattr(phases, name):
            yield f"load.times.{name}: the phase {name!r} has no length in `phases`"


def _carried(load: Load) -> Iterator[str]:
    """Why the generator could not be told this load: a rate is held to the same limit in every phase."""
    for name, times in load.times.items():
        if load.rate * times > FASTEST:
            yield (
                f"load.rate: {load.rate:g} is {load.rate * times:g} a second in the phase {name!r}, {times:g} times as "
                f"many; write at most {FASTEST / times:g}"
            )


def _decided(primary: Primary, phases: Phases) -> Iterator[str]:
    if primary.phase != "all" and not getattr(phases, primary.phase):
        yield f"primary.phase: the phase {primary.phase!r} has no length in `phases`"


def _filled(saturated: Saturated | None, phases: Phases) -> Iterator[str]:
    for name in saturated.phases if saturated else ():
        if not getattr(phases, name):
            yield f"saturated.phases: the phase {name!r} has no length in `phases`"


def _filling(saturated: Saturated | None, load: Load) -> Iterator[str]:
    if saturated and all(times <= 1 for times in load.times.values()):
        yield "saturated: leave it out; only a load that rises (`load.times` above 1) is meant to fill"


def _compared(arms: tuple[str, ...]) -> Iterator[str]:
    try:
        parse_arms(list(arms))
    except BadInput as bad:
        yield from (f"arms: {problem}" for problem in bad.problems)


def _acted(action: AnyAction | None, phases: Phases) -> Iterator[str]:
    if action:
        yield from (f"action.{problem}" for problem in action.problems(phases.fault))


def _struck(fault: AnyFault | None, phases: Phases) -> Iterator[str]:
    if fault:
        yield from (f"fault.{problem}" for problem in fault.problems(phases.fault))


def _versioned(fault: AnyFault | None, action: AnyAction | None) -> Iterator[str]:
    """Why there are no replicas of the version that the fault acts on."""
    if fault is None or not fault.version:
        return
    if not isinstance(action, Canary) or action.service != fault.service:
        yield "fault.version: leave it out; only a service with an `action: {kind: canary}` has two versions"
    if fault.replicas != "all":
        yield f"fault.replicas: write `all`, not {fault.replicas}, with `version`"


def _forgotten(fault: AnyFault | None, settings: Settings) -> Iterator[str]:
    if fault and fault.kind == "library-missing" and fault.service in settings:
        yield f"fault: not with settings of {fault.service}, which it would start again without them"


LAWS: tuple[Callable[..., Iterator[str]], ...] = (
    _disturbed, _raised, _carried, _decided, _filled, _filling, _compared, _acted, _struck, _versioned, _forgotten,
)  # fmt: skip
