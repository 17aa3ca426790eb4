"""Scenarios: load, fault, phases, the question that they answer, and one primary measure. One YAML file each."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast, get_args

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from benchmarks import sweep
from benchmarks.actions import AnyAction
from benchmarks.contradictions import contradictions
from benchmarks.errors import BadInput
from benchmarks.faults import AnyFault
from benchmarks.measures import MEASURES
from benchmarks.problems import explain
from benchmarks.settings import Settings
from benchmarks.strict import Strict
from benchmarks.sweep import Axes, Value
from loadtests.schedule import FASTEST, Step, What
from loadtests.schedule import Load as Arrivals

FOLDER = Path(__file__).parent / "scenarios"

PhaseName = Literal["warm", "steady", "fault", "recovery"]
Window = Literal["steady", "fault", "recovery", "all"]


class Primary(Strict):
    """The one measure that decides, the phase it is read in, and the smallest difference that matters in practice.

    `margin` is in the measure's unit where arms are compared by difference (0.05 of a share is 5 points, 1 of frames is
    one frame), and relative where they are compared by ratio (0.10 = ten per cent). Of a share and a ratio it is
    below 1.
    """

    measure: str
    phase: Window
    margin: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _known(self) -> Self:
        found = MEASURES.get(self.measure)
        if found is None:
            raise ValueError(f"measure: no measure {self.measure!r}; choose one of: {', '.join(MEASURES)}")
        wrong = []
        if found.whole_cell and self.phase != "all":
            wrong.append(f"phase: {self.measure} is counted over the whole cell; write `all`, not {self.phase!r}")
        if self.margin >= 1 and (found.unit == "share" or found.scale == "ratio"):
            wrong.append(
                f"margin: {self.margin:g} is not right, it should be less than 1: {self.measure} is "
                + ("a share (0.05: 5 points)" if found.unit == "share" else "compared by ratio (0.10: 10 %)")
            )
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    @property
    def smallest(self) -> str:
        """The margin with its unit: `5 points`, `10 %`, `1 frame`."""
        measure = MEASURES[self.measure]
        if measure.scale == "ratio":
            return f"{self.margin * 100:g} %"
        size, unit = (self.margin * 100, "points") if measure.unit == "share" else (self.margin, measure.unit)
        return f"{size:g} {unit.removesuffix('s') if size == 1 else unit}"


class Expectation(Strict):
    """The result that is already known, and who found it."""

    result: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]


class Load(Strict):
    """Open-loop arrivals: `rate` per second, exponential gaps (`poisson`) or equal ones (`constant`).

    `times`: in a phase that is named here, so many times the rate. `what`: frames for the collectors, or looks at the
    dashboards of the control panels.
    """

    pattern: Literal["poisson", "constant"]
    rate: Annotated[float, Field(gt=0, le=FASTEST)]
    times: dict[PhaseName, Annotated[float, Field(gt=0, le=100)]] = Field(default_factory=dict)
    what: What = "frames"


class Phases(Strict):
    """Lengths in seconds, in this order. `warm` belongs to no measure; no fault, no `fault` and `recovery`."""

    warm: Annotated[float, Field(ge=0)] = 0.0
    steady: Annotated[float, Field(gt=0)]
    fault: Annotated[float, Field(ge=0)] = 0.0
    recovery: Annotated[float, Field(ge=0)] = 0.0


class Phase(Strict):
    """One phase on the clock of the cell: `start` <= t < `end`, seconds since the load began."""

    name: PhaseName
    start: float
    end: float


class Slo(Strict):
    """An answer later than `latency_ms` after its intended time is not goodput.

    `target`: the share of arrivals that shall be goodput; the rest is the error budget.
    The default is the example of Beyer et al., "The Site Reliability Workbook", ch. 5.
    """

    latency_ms: Annotated[float, Field(gt=0)]
    target: Annotated[float, Field(gt=0, lt=1)] = 0.999


class Saturated(Strict):
    """What the load is meant to fill, and why: a full machine is then the question, and voids no cell.

    `phases`: those in which it is. The generator must be on time all the same, and in the other phases the limit of
    the CPU holds as everywhere.
    """

    phases: Annotated[tuple[Literal["fault", "recovery"], ...], Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]


class Scenario(Strict):
    """One experiment. `name` is the file's name; every other field is written in the file, but for `point`.

    `sweep`: values to try of each field, by its path; see `points`. `point`: where on the grid of its sweep this is.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*(@.+)?$")]
    question: Annotated[str, Field(min_length=1)]
    primary: Primary
    expectation: Expectation
    load: Load
    phases: Phases
    slo: Slo
    fault: AnyFault | None
    action: AnyAction | None = None
    settings: Settings = Field(default_factory=dict)
    """Variables that services are told besides their manifests, for the length of a cell."""
    saturated: Saturated | None = None
    arms: tuple[str, ...] = ()
    """Those in which the question makes sense; a bench that is told none runs these. Empty: whatever is usual."""
    sweep: dict[str, tuple[Value, ...]] = Field(default_factory=dict)
    point: dict[str, Value] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if wrong := contradictions(dict(self)):
            raise ValueError("\n".join(wrong))
        return self

    @property
    def family(self) -> str:
        """The name of the scenario that this one is a point of; its own without a sweep."""
        return self.name.partition("@")[0]

    @property
    def policy_axes(self) -> dict[str, tuple[Value, ...]]:
        """What of its sweep is varied in the policies of the arms."""
        return {path: values for path, values in self.sweep.items() if sweep.is_policy(path)}

    def points(self) -> list[Scenario]:
        """The scenario at every point of those axes of its sweep that are its own fields; itself without any.

        Raises BadInput with every value that its field refuses.
        """
        axes = {path: values for path, values in self.sweep.items() if not sweep.is_policy(path)}
        document = self.model_dump(mode="json")
        # value by value first: what is wrong with one is said once, and not at every point that has it
        problems = [*sweep.problems(self.sweep), *_refused(document, _values(self.sweep))]
        grid = sweep.points(axes.items())
        problems = problems or _refused(document, grid)
        if problems:
            raise BadInput(f"{self.name}: sweep.{problem}" for problem in dict.fromkeys(problems))
        return [Scenario.model_validate_json(_at(document, point)) for point in grid] if axes else [self]

    @property
    def duration_s(self) -> float:
        """Length of the load in seconds, warm-up included."""
        return sum(phase.end - phase.start for phase in self.timeline())

    def timeline(self) -> tuple[Phase, ...]:
        """The phases that have a length, in order, on the clock of the cell."""
        return tuple(self._walk())

    def scaled(self, factor: float) -> Scenario:
        """The same scenario with every phase, and the times of its fault, `factor` times as long."""
        lengths = {name: length * factor for name, length in self.phases.model_dump().items()}
        fault = self.fault and self.fault.scaled(factor)
        return self.model_copy(update={"phases": Phases(**lengths), "fault": fault})

    def arrivals(self) -> Arrivals:
        """The load as the generator is told it: on the clock of the cell."""
        rates = [(phase.start, self.load.rate * self.load.times.get(phase.name, 1.0)) for phase in self.timeline()]
        changes = [Step(*now) for before, now in pairwise(rates) if now[1] != before[1]]
        return Arrivals(pattern=self.load.pattern, rate=rates[0][1], steps=tuple(changes), what=self.load.what)

    def at_rate(self, rate: float | None) -> Scenario:
        """The same scenario at `rate` arrivals per second, at its own for None. Raises BadInput."""
        if rate is None:
            return self
        if "load.rate" in self.point:
            raise BadInput([f"{self.family} sweeps load.rate: leave --rate out"])
        try:
            load = Load.model_validate({**self.load.model_dump(), "rate": rate})
        except ValidationError as error:
            raise BadInput(explain(error, Load, {"rate": rate})) from None
        made = self.model_copy(update={"load": load})
        if wrong := contradictions(dict(made)):
            raise BadInput(f"{self.name}: {problem}" for problem in wrong)
        return made

    def _walk(self) -> Iterator[Phase]:
        clock = 0.0
        for name in get_args(PhaseName):
            length: float = getattr(self.phases, name)
            if length:
                yield Phase(name=name, start=clock, end=clock + length)
                clock += length


def _at(document: Mapping[str, Any], point: Mapping[str, Value]) -> str:
    """A scenario's document, as JSON, at a point of its sweep. Raises LookupError as `sweep.placed` does."""
    own = {name: value for name, value in document.items() if name != "sweep"}
    placed = {**sweep.placed(own, point), "name": f"{document['name']}{sweep.name(point)}", "point": dict(point)}
    return json.dumps(placed, default=str)


def _values(axes: Axes) -> list[dict[str, Value]]:
    """Every value of every axis that is a field of the scenario, alone."""
    return [{path: value} for path, values in axes.items() if sweep.is_field(path) for value in values]


def _refused(
    document: Mapping[str, Any], points: Iterable[Mapping[str, Value]], known: Collection[str] = ()
) -> list[str]:
    """Why a scenario of this document cannot be at some points of its sweep, but for what is `known` of it anyway."""
    found = []
    for point in points:
        try:
            Scenario.model_validate_json(_at(document, point))
            wrong = []
        except LookupError as error:
            wrong = [str(error.args[0])]
        except ValidationError as error:
            wrong = explain(error, Scenario, json.loads(_at(document, point)))
        found += [f"{sweep.name(point).removeprefix('@')}: {each}" for each in wrong if each not in known]
    return found


def _wrong(error: ValidationError, document: Mapping[str, Any]) -> list[str]:
    """All that is wrong with a document: its fields, and what those that could be read say against each other."""
    parts = _readable(document)
    said = dict.fromkeys([*explain(error, Scenario, document), *contradictions(parts)])
    axes = parts.get("sweep", {})
    swept = [*sweep.problems(axes), *_refused(document, _values(axes), known=said)]
    return [*said, *(f"sweep.{problem}" for problem in dict.fromkeys(swept))]


def _readable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a scenario's document that are right by themselves."""
    parts: dict[str, Any] = {}
    for name, field in Scenario.model_fields.items():
        if name not in document:
            parts |= {} if field.is_required() else {name: field.get_default(call_default_factory=True)}
            continue
        with contextlib.suppress(ValidationError):
            read: TypeAdapter[Any] = TypeAdapter(cast(Any, Annotated[field.annotation, field]))
            parts[name] = read.validate_json(json.dumps(document[name], default=str))
    return parts


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key written twice: the second would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.MarkedYAMLError(problem=f"`{key.value}` is written twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def names() -> list[str]:
    """Names of the scenarios that come with goaround, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def scenarios() -> list[Scenario]:
    """Every scenario that comes with goaround, by name. Raises BadInput with the problems of all files together."""
    found: list[Scenario] = []
    problems: list[str] = []
    for name in names():
        try:
            found.append(load_scenario(name))
        except BadInput as bad:
            problems.extend(bad.problems)
    if problems:
        raise BadInput(problems)
    return found


def path_of(name_or_path: str | Path) -> Path:
    """Where a scenario is written: a name's file, or the file itself."""
    text = str(name_or_path)
    return Path(text) if text.endswith((".yaml", ".yml")) else FOLDER / f"{text}.yaml"


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Read a scenario by name, or from a file of your own (anything that ends in .yaml or .yml).

    Raises BadInput: an unknown name with the choices, or every problem of the file with its path in it.
    """
    text = str(name_or_path)
    path = path_of(text)
    if path.is_relative_to(FOLDER) and text not in (*names(), str(path)):
        raise BadInput(
            [f"no scenario {text!r}; choose one of: {', '.join(names())}; or give a file of your own, X.yaml"]
        )
    try:
        # S506: _Loader is SafeLoader with one more refusal
        document = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput([f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from None
    except yaml.MarkedYAMLError as error:
        where = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadInput([f"{path}{where}: not YAML: {error.problem}"]) from None
    except yaml.YAMLError as error:
        raise BadInput([f"{path}: not YAML: {error}"]) from None
    if not isinstance(document, dict):
        raise BadInput([f"{path}: must be a mapping with the fields {', '.join(_fields())}"])
    if "name" in document:
        raise BadInput([f"{path}: name: a scenario is named by its file; leave `name` out"])
    if "point" in document or "@" in path.stem:
        raise BadInput([f"{path}: a point belongs to a sweep: write the sweep, and no `point` or @ in the file's name"])
    document = {"fault": None, **document, "name": path.stem}
    try:
        read = Scenario.model_validate_json(json.dumps(document, default=str))
        read.points()
        return read
    except BadInput as bad:
        raise BadInput(f"{path}: {problem.removeprefix(f'{path.stem}: ')}" for problem in bad.problems) from None
    except ValidationError as error:
        raise BadInput(f"{path}: {problem}" for problem in _wrong(error, document)) from None
    except ValueError as error:  # an alias that contains itself
        raise BadInput([f"{path}: cannot be read as plain data: {error}"]) from None


def _fields() -> list[str]:
    return [name for name in Scenario.model_fields if name not in ("name", "point")]
