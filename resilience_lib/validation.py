"""What policies have in common: how a field is checked, and how a policy of several parts is written and read."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class PolicyError(ValueError):
    """A policy is not valid; `errors` has a sentence for every bad field: where it is, and what would be right."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


def refuse(errors: Iterable[str]) -> None:
    """Raise PolicyError with all of `errors`, if there is any."""
    found = [*errors]
    if found:
        raise PolicyError(found)


def whole(name: str, value: object, low: int, *, instead: str) -> Iterator[str]:
    """Complain unless `value` is a whole number from `low` on; `instead` is the way to have none of it."""
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        yield f"{name}: must be a whole number from {low} on ({instead}), not {value!r}"


def seconds(name: str, value: object) -> Iterator[str]:
    """Complain unless `value` is a number of seconds above 0."""
    if not _is_number(value) or not 0 < value < math.inf:  # type: ignore[operator] # it is a number if we come so far
        yield f"{name}: must be a number of seconds above 0, not {value!r}"


def percent(name: str, value: object) -> Iterator[str]:
    """Complain unless `value` is a number from 0 to 100."""
    if not _is_number(value) or not 0 <= value <= 100:  # type: ignore[operator] # it is a number if we come so far
        yield f"{name}: must be a number from 0 to 100, not {value!r}"


def choice(name: str, value: object, choices: Collection[str]) -> Iterator[str]:
    """Complain unless `value` is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        yield f"{name}: choose from {', '.join(choices)}, not {value!r}"


def duration(value: float) -> str:
    """Return seconds in words: `1.5 s`, `250 ms`."""
    return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms"


def write_parts(policy: DataclassInstance) -> dict[str, dict[str, Any]]:
    """Return plain data: the parts that are there, with the fields that are set."""
    parts = {name: part for name, part in asdict(policy).items() if part is not None}
    return {name: {k: v for k, v in part.items() if v is not None and v is not False} for name, part in parts.items()}


def read_parts(data: object, kinds: Mapping[str, type[DataclassInstance]]) -> dict[str, Any]:
    """Read what write_parts wrote; a part that is null counts as absent, a field that is absent has its default.

    Raises PolicyError with every error at once, each beginning with the path of its field (`retry.attempts`).
    """
    errors: list[str] = []
    known = _known("", data, [*kinds], errors)
    parts = {name: _part(name, kind, known.get(name), errors) for name, kind in kinds.items()}
    refuse(errors)
    return parts


def _part(name: str, kind: type[DataclassInstance], data: object, errors: list[str]) -> Any:
    if data is None:
        return None
    known = _known(f"{name}.", data, [field.name for field in fields(kind)], errors)
    try:
        return kind(**known)
    except PolicyError as error:
        errors += [f"{name}.{sentence}" for sentence in error.errors]
        return None


def _known(path: str, data: object, names: list[str], errors: list[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        errors.append(f"{path.rstrip('.') or 'policy'}: must be an object with {', '.join(names)}, not {data!r}")
        return {}
    errors += [f"{path}{name}: unknown; choose from {', '.join(names)}" for name in data if name not in names]
    return {name: value for name, value in data.items() if name in names}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
