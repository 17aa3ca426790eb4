"""What a policy set's library.json adds to the policies that are derived from its Istio objects.

It says what a client can do and Istio has no field for, so it adds to a part, or adds a part, and says nothing that the
objects say already: a number is written in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from istio.objects.refusal import Fault, Refused
from resilience_lib import EdgePolicy, EndpointPolicy, PolicyError

EVERY = "*"
Policy = TypeVar("Policy", EdgePolicy, EndpointPolicy)


def strengthened(
    derived: Mapping[str, Policy], own: object, file: str = "library.json"
) -> tuple[dict[str, Policy], list[str]]:
    """Add `own`, `{"<callee>" or "*": {part: {field: value}}}`, and tell a line for each callee that got something.

    What `*` says is added to parts that are there; what a callee's own entry says may also make a part.
    Raises Refused with every error at once, each with the path of its field (`alerts.hedge.delay_s`) in `file`.
    """
    try:
        return _strengthened(derived, own)
    except PolicyError as error:
        # a sentence of the library begins with the path of its field
        split = [sentence.partition(": ") for sentence in error.errors]
        raise Refused([Fault(file, 0, path, text) for path, _, text in split]) from error


def _strengthened(derived: Mapping[str, Policy], own: Any) -> tuple[dict[str, Policy], list[str]]:
    if not isinstance(own, dict) or not all(isinstance(parts, dict) for parts in own.values()):
        raise PolicyError([f"{EVERY}: must be an object of parts, and so must be the entry of each callee"])
    choices = (EVERY, *derived)
    errors = [f"{name}: unknown; choose from {', '.join(choices)}" for name in own if name not in choices]
    made: dict[str, Policy] = {}
    lines: list[str] = []
    for callee, policy in derived.items():
        said, told = _added(policy.to_json(), own, callee, errors)
        try:
            made[callee] = type(policy).from_json(said)
        except PolicyError as error:
            errors += [f"{callee}.{sentence}" for sentence in error.errors]
        if told:
            lines.append(f"{callee}: {', '.join(told)}")
    if errors:
        raise PolicyError(errors)
    return made, lines


def _added(said: dict[str, Any], own: Any, callee: str, errors: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Return what is said of a callee with its own added, and that in words."""
    of_all = [(part, fields) for part, fields in own.get(EVERY, {}).items() if part in said]
    told: list[str] = []
    for part, fields in [*of_all, *own.get(callee, {}).items()]:
        if not isinstance(fields, dict):
            errors.append(f"{callee}.{part}: must be an object of fields, not {fields!r}")
            continue
        there = said.setdefault(part, {})
        errors += [f"{callee}.{part}.{name}: the Istio objects say it already" for name in fields if name in there]
        there.update(fields)
        told += [f"{part}.{name} {value}" for name, value in fields.items()] or [part]
    return said, told
