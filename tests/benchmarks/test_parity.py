"""Parity as a run keeps it."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.parity import edges, kept, read_back
from benchmarks.profile import PolicyTimes


def test_what_a_run_keeps_can_be_read_back_and_names_no_folder_of_this_machine() -> None:
    told = json.loads(json.dumps(kept(edges("matched"))))
    assert str(Path(__file__).parents[2]) not in json.dumps(told)
    (edge,) = [one for one in read_back(told) if one.callee == "image-analysis"]
    (attempts,) = [row for row in edge.rows if row.name == "retries.attempts"]
    number = attempts.numbers["mesh"]
    assert (number.value, number.whose, number.file) == (
        2,
        "VirtualService airport/image-analysis",
        "image-analysis.yaml",
    )
    assert kept(read_back(told)) == kept(edges("matched"))


def test_the_times_are_those_that_the_arms_are_given() -> None:
    for edge in edges("matched", times=PolicyTimes(0.5, 1.0)):
        for row in edge.rows:
            if row.name == "outlier.interval":
                assert row.numbers["mesh"].value in (0.5, None)
