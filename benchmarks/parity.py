"""What each arm does on each edge of the application under a policy set, as words: for the terminal and for reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmarks.errors import BadInput
from benchmarks.profile import PolicyTimes
from istio.compile.versions import NEWEST, UnknownVersion
from istio.objects import Document
from istio.parity import Client, Edge, Inputs, Number, Row, parity
from istio.policies import documents, strengths
from istio.registry import Registry
from k8s.render import policy_objects, render
from k8s.scheduled import scheduled

MESH = "mesh"
MODES = ("library", "library-endpoints", MESH)
CLIENT = Client(total_s=300.0, connect_s=30.0, connections=100, keepalive_s=15.0)
"""The client of every pod (services.runtime, which nothing here imports; a test holds the two together)."""
_EDGES = TypeAdapter(list[Edge])


def edges(policies: str, version: str = NEWEST, *, mtls: bool = True, times: PolicyTimes | None = None) -> list[Edge]:
    """Compare the arms on every edge of the application under a policy set (a name, or a folder).

    `times`: those that outlier detection's are shortened to, as a bench has them.

    Raises:
        UnknownPolicies, Refused, TargetError: there is no such set, a file cannot be read, objects are refused.
        BadInput: no defaults of the release are known.

    """
    read = documents(policies)
    objects = policy_objects(policies, asdict(times) if times else {})[0]
    rendered = render("mesh").objects
    registry = Registry.from_kubernetes([Document(one) for one in scheduled(rendered)])
    given = Inputs(registry, objects, read, CLIENT, version, mtls, strengths=strengths(policies))
    # the next version of a service has no replica until it is out as a canary
    deployments = [one["metadata"] for one in rendered if one["kind"] == "Deployment" and one["spec"]["replicas"]]
    callers = [registry.proxy(f"{one['name']}-0", one["namespace"]) for one in deployments]
    callees = [service.name for service in registry.services]
    try:
        found = list(parity(given, callers, callees, deployments[0]["namespace"]))
    except UnknownVersion as error:
        raise BadInput([f"--istio-version: {error}"]) from None
    return [replace(one, callers=tuple(name.removesuffix("-0") for name in one.callers)) for one in found]


def to_data(edge: Edge, modes: Sequence[str]) -> dict[str, Any]:
    """An edge as JSON has it, with these arms alone."""
    made = asdict(edge)
    made["rows"] = [
        {
            **row,
            **{name: {mode: one for mode, one in row[name].items() if mode in modes} for name in ("numbers", "apart")},
        }
        for row in made["rows"]
    ]
    made["left"] = {mode: left for mode, left in made["left"].items() if mode in modes}
    return made


def kept(found: Sequence[Edge]) -> list[dict[str, Any]]:
    """Edges as a run keeps them: what is told of each, and files by their names alone, which hold on any machine."""
    made = []
    for edge in found:
        told = to_data(replace(edge, rows=tuple(shown(edge, MODES))), MODES)
        for row in told["rows"]:
            for number in row["numbers"].values():
                number["file"] = Path(number["file"]).name
        made.append(told)
    return made


def read_back(told: Sequence[dict[str, Any]]) -> list[Edge]:
    """Edges that were `kept`. Raises pydantic's ValidationError when they are none."""
    return _EDGES.validate_python(list(told))


def shown(edge: Edge, modes: Sequence[str]) -> Iterator[Row]:
    """Leave out what no arm does and no object speaks of, but for the first row of each group: what is off is told."""
    groups: set[str] = set()
    for row in edge.rows:
        group = row.name.partition(".")[0]
        numbers = [row.numbers[mode] for mode in modes]
        if group not in groups or any(one.value is not None or one.path for one in numbers):
            yield row
        groups.add(group)


def text(value: object, unit: str) -> str:
    """A value as a person reads it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float() | int() if unit == "s" and 0 < value < 1:
            return f"{value * 1000:g} ms"
        case float() | int():
            return f"{value:g} {unit}".rstrip()
        case _:
            return str(value).replace(", ", ",").replace(",", "\n")


def whose(numbers: Mapping[str, Number]) -> str:
    """One origin where all arms that have a number share it, else each arm's own."""
    origins = {mode: _origin(one) for mode, one in numbers.items() if one.value is not None or one.path}
    told = dict.fromkeys(origins.values())
    if not told:
        return _origin(numbers.get(MESH, next(iter(numbers.values()))))
    if len(told) == 1:
        return next(iter(told))
    named = {origin: _names(mode for mode, other in origins.items() if other == origin) for origin in told}
    return "\n".join(f"{modes}: {origin}" for origin, modes in named.items())


def _names(modes: Iterable[str]) -> str:
    """Both clients by one word: the column is narrow."""
    found = list(modes)
    return "clients" if found == list(MODES[:2]) else ", ".join(one.removeprefix("library-") for one in found)


def _origin(number: Number) -> str:
    if not number.path:
        return number.whose
    field = number.path.rpartition(".")[2]
    return f"{field} {Path(number.file).name}:{number.line}" if number.file else f"{field}, {number.whose}"


def reasons(edge: Edge, modes: Sequence[str]) -> Iterator[str]:
    """Why arms are apart, a line for each reason; what is equal in number and not in time; what is left behind."""
    apart: dict[str, dict[str, list[str]]] = {}
    for row in edge.rows if MESH in modes else ():
        for mode, why in row.apart.items():
            if mode in modes:
                apart.setdefault(why, {}).setdefault(row.name, []).append(mode)
    for why, by_row in apart.items():
        concerned = dict.fromkeys(mode for named in by_row.values() for mode in named)
        yield f"≠ {', '.join(by_row)}: {_names(concerned)}: {why}"
    yield from (f"~ {note}" for note in edge.notes if MESH in modes)
    for mode, left in edge.left.items():
        for one in left if mode in modes else ():
            if one.why not in apart:
                yield f"- {mode}: {one.object}: {one.path}: {one.why}"
