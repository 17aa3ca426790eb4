"""The report on a terminal: names stay readable however many columns there are."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.report.test_report import printed
from tests.benchmarks.synthetic import EFFECTS, write_run

ARMS = ("none", "library", "library-endpoints", "sidecar", "mesh")
FIVE = {name: EFFECTS.get(name, EFFECTS["none"]) for name in ARMS}


def test_names_of_arms_and_scenarios_are_broken_only_where_they_are_joined(tmp_path: Path) -> None:
    run = write_run(tmp_path, scenarios=("steady", "dependency-down"), effects=FIVE)
    (table,) = [part for part in printed(run).split("\n\n") if part.startswith("Answers")]
    lines = [line.split() for line in table.splitlines()]
    words = {word for line in lines for word in line}
    assert {"none", "library", "library-", "endpoints", "sidecar", "mesh", "dependency-", "down"} <= words
    assert max(map(len, table.splitlines())) <= 120
