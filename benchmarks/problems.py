"""Turns pydantic's errors into sentences: which field, what was given, what would be right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


def explain(error: ValidationError, model: type[BaseModel], document: Mapping[str, Any]) -> list[str]:
    """One sentence for each bad field, opening with its dotted path in `document`."""
    wanted: dict[str, list[str]] = {}
    sentences = []
    for detail in error.errors():
        path = _path(detail["loc"], document, named=detail["type"] in ("missing", "extra_forbidden"))
        match detail["type"]:
            case "missing":
                sentences.append(f"{path}: is missing")
            case "extra_forbidden":
                fields = ", ".join(_fields(detail["loc"], model))
                sentences.append(f"{path}: no such field; the fields here are: {fields}")
            case "union_tag_invalid":
                choices = detail["ctx"]["expected_tags"]
                sentences.append(f"{path}.kind: {_short(detail['ctx']['tag'])} is unknown; choose one of: {choices}")
            case "union_tag_not_found":
                sentences.append(f"{path}.kind: is missing")
            case "value_error":
                sentences += [f"{path}.{line}".lstrip(".") for line in str(detail["ctx"]["error"]).splitlines()]
            case _:
                # Each member of a union complains of the same field: one sentence, all that would be right.
                given = f"{path}: {_short(detail['input'])} is not right, it should be"
                wanted.setdefault(given, []).append(_wanted(detail))
    return sentences + [f"{given} {' or '.join(right)}" for given, right in wanted.items()]


def _wanted(detail: ErrorDetails) -> str:
    return detail["msg"].removeprefix("Input should be ").replace("String should ", "a text that should ")


def _path(loc: tuple[int | str, ...], document: Any, *, named: bool) -> str:
    """The path without pydantic's own steps, the names of union members: those are not in the document."""
    path, here = "", document
    for position, step in enumerate(loc):
        if isinstance(here, list) and isinstance(step, int):
            path, here = f"{path}[{step}]", here[step]
        elif isinstance(here, dict) and step in here:
            path, here = f"{path}.{step}", here[step]
        elif named and position == len(loc) - 1:
            path = f"{path}.{step}"
    return path.lstrip(".")


def _fields(loc: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """The fields of the model in which the last step of `loc` was not found."""
    candidates = [model]
    for step in loc[:-1]:
        tagged = [one for one in candidates if "kind" in one.model_fields and step in _kinds(one)]
        candidates = tagged or [
            inner
            for one in candidates
            if step in one.model_fields
            for inner in _models([one.model_fields[str(step)].annotation])
        ]
    return [name for one in candidates for name in one.model_fields if name != "name"]


def _kinds(model: type[BaseModel]) -> tuple[Any, ...]:
    return get_args(model.model_fields["kind"].annotation)


def _models(annotations: Any) -> Iterator[type[BaseModel]]:
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        yield from _models(get_args(annotation))


def _short(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
