"""What is asked of the generator for one run, and what it says on the way: the JSON lines between it and its parent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from loadtests.schedule import Load

ALL, OWN = "all", "as in the scenario"
"""What a person writes for every entry that there is, and for a value that a scenario has already."""

MOST_IN_FLIGHT = 900
"""One socket each, and a process may have 1024 files open by default."""

_PATH = re.compile(r"[\w.~-]+(/[\w.~-]+)*", re.ASCII)

Progress = Mapping[str, int]
"""How far a run is: requests `sent`, `done` (answered or given up), and `ok` (answered with success)."""


class Plan(BaseModel):
    """What load to send, and where to.

    `entries` are `host:port` of the replicas that take it, with a path behind it where a relay leads there;
    `timeout_s` is how long an answer is waited for after the request was sent; `capacity` is the most requests in
    flight at once (an arrival beyond it is dropped).
    Raises pydantic.ValidationError (a ValueError) that carries every wrong field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    load: Load
    duration_s: Annotated[float, Field(gt=0, le=86_400)]
    seed: Annotated[int, Field(ge=0)]
    entries: Annotated[tuple[str, ...], Field(min_length=1)]
    timeout_s: Annotated[float, Field(gt=0, le=300)]
    capacity: Annotated[int, Field(ge=1, le=MOST_IN_FLIGHT)]

    @field_validator("entries")
    @classmethod
    def _addresses(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [entry for entry in entries if not _is_address(entry)]
        if wrong:
            raise ValueError(f"each must be host:port, such as 127.0.0.1:8080; these are not: {', '.join(wrong)}")
        return entries


class RunSpec(Plan):
    """One run of a plan. `rows` is the file to write, and `start_monotonic` when t = 0 is.

    It is read on CLOCK_MONOTONIC (seconds), which all processes of a machine share: faults can be timed against it.
    `frames` opens the id of each frame; the seed does for None, so that a store emptied before can be checked after.
    """

    id: Annotated[str, Field(min_length=1)]
    rows: Path
    start_monotonic: float
    frames: Annotated[str, Field(min_length=1)] | None = None

    @property
    def frames_name(self) -> str:
        """What the id of each frame begins with."""
        return self.frames or f"{self.seed:x}"

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Read one line. Raises ValueError whose text is one sentence with every wrong field."""
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            raise ValueError(sentence(error)) from None


def sentence(error: ValidationError) -> str:
    """Say every problem of a pydantic error in one line."""
    return "; ".join(sentences(error))


def sentences(error: ValidationError) -> list[str]:
    """Say every problem of a pydantic error: the field, what would be right, what was given."""
    return [
        f"{_path(problem['loc'])}: {_wanted(problem['msg'])}{_given(problem['input'])}"
        for problem in error.errors(include_url=False)
    ]


def _path(steps: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in steps) or "the line"


def _wanted(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should be", "must be", 1)


def _given(value: object) -> str:
    text = json.dumps(value, default=str)
    return f" (given: {text})" if len(text) <= 80 else ""


def _is_address(entry: str) -> bool:
    address, slash, path = entry.partition("/")
    if slash and not _PATH.fullmatch(path):
        return False
    host, _, port = address.rpartition(":")
    return bool(host) and not set(host) & set("/@ ") and port.isascii() and port.isdigit() and 0 < int(port) < 65_536
