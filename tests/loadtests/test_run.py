"""What a run must look like, and what is said when it does not."""

import json
from typing import Any

import pytest

from loadtests.run import RunSpec

GOOD: dict[str, Any] = {
    "id": "r1-steady-none",
    "rows": "cells/r1-steady-none.csv.gz",
    "start_monotonic": 12.5,
    "load": {"pattern": "poisson", "rate": 30},
    "duration_s": 8,
    "seed": 7,
    "entries": ["127.0.0.1:20010"],
    "timeout_s": 5,
    "capacity": 200,
}


def test_a_run_survives_its_json_line() -> None:
    spec = RunSpec.model_validate(GOOD)
    assert RunSpec.from_json(spec.model_dump_json()) == spec


def test_a_bad_run_names_every_wrong_field_and_what_would_be_right() -> None:
    wrong = GOOD | {"load": {"pattern": "ramp", "rate": -1}, "capacity": 0, "entries": ["nowhere"], "extra": 1}
    with pytest.raises(ValueError, match=r"load\.pattern") as refused:
        RunSpec.from_json(json.dumps(wrong))
    said = str(refused.value)
    assert "load.pattern: must be 'constant' or 'poisson' (given: \"ramp\")" in said
    assert "load.rate: must be greater than 0 (given: -1)" in said
    assert "capacity: must be greater than or equal to 1 (given: 0)" in said
    assert "entries: each must be host:port, such as 127.0.0.1:8080; these are not: nowhere" in said
    assert "extra: " in said


@pytest.mark.parametrize("line", ["", "{", "[]", "null", "\xff"])
def test_a_line_that_is_no_object_is_refused_with_a_sentence(line: str) -> None:
    with pytest.raises(ValueError, match="the line: "):
        RunSpec.from_json(line)


@pytest.mark.parametrize(
    "entry",
    [
        "127.0.0.1",
        ":80",
        "127.0.0.1:0",
        "127.0.0.1:70000",
        "http://a:80",
        "a:http",
        "a:٣",
        "a:80/",
        "a:80/b c",
        "a:80/?b",
    ],
)
def test_an_entry_that_is_no_address_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        RunSpec.model_validate(GOOD | {"entries": ["127.0.0.1:1", entry]})


def test_an_entry_may_lie_behind_the_path_of_a_relay() -> None:
    entry = "127.0.0.1:40001/k_3-y/airport/collector-0/8080"
    assert RunSpec.model_validate(GOOD | {"entries": [entry]}).entries == (entry,)


@pytest.mark.parametrize("field", ["start_monotonic", "duration_s", "timeout_s"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_number_must_be_finite(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=field):
        RunSpec.model_validate(GOOD | {field: float(value)})
