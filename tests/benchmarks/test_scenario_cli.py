"""What a person is told who asks what can be asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.order import order
from benchmarks.scenario import FOLDER, load_scenario, names
from tests.benchmarks.conftest import Told


def test_the_list_has_every_scenario_with_its_question_and_what_decides(told: Told) -> None:
    code, said, warned = told("scenarios")
    assert (code, warned) == (0, "")
    lines = said.splitlines()
    for name in names():
        (line,) = [each for each in lines if each.split(" ")[0] == name]
        scenario = load_scenario(name)
        assert scenario.question.split()[0] in line
        assert f"{scenario.primary.measure} ({scenario.primary.phase})" in line


@pytest.mark.parametrize("name", names())
def test_a_scenario_is_explained_with_its_question_its_answer_and_where_that_is_known_from(
    told: Told, name: str
) -> None:
    code, said, warned = told("scenarios", "show", name)
    assert (code, warned) == (0, "")
    scenario = load_scenario(name)
    assert said.startswith(f"{name}: {scenario.question}\n\n")
    for text in (scenario.expectation.result, scenario.expectation.source, *scenario.arms):
        assert text in said
    assert said.endswith(f"\nrun it with: goaround bench --scenario {name}\n")


def test_a_load_is_called_by_what_it_is_made_of(told: Told) -> None:
    assert "load         30 looks at a dashboard a second, poisson" in told("scenarios", "show", "momentum-down")[1]
    assert "load         30 frames a second, poisson" in told("scenarios", "show", "steady")[1]


def test_a_sweep_is_shown_axis_by_axis(told: Told) -> None:
    _, said, _ = told("scenarios", "show", "ejection-percent")
    assert "sweep        retries.attempts 0; outlierDetection.maxEjectionPercent 10, 50: at every point" in said
    assert "sweep" not in told("scenarios", "show", "steady")[1]


def test_a_file_of_ones_own_is_run_as_it_was_shown(told: Told, tmp_path: Path) -> None:
    mine = tmp_path / "my own" / "mine.yaml"
    mine.parent.mkdir()
    mine.write_text((FOLDER / "crash.yaml").read_text())
    _, said, _ = told("scenarios", "show", mine)
    (command,) = re.findall(r"run it with: goaround bench --scenario '(.*)'$", said, re.MULTILINE)
    asked = order(
        profile_name="quick", arms=None, scenario_names=[command], repetitions=None, rate=None, seed=1,
        policies="matched",
    )  # fmt: skip
    assert [each.name for each in asked.scenarios] == ["mine"]


def test_the_file_itself_is_a_start_for_one_of_ones_own(told: Told) -> None:
    assert told("scenarios", "show", "hang", "--yaml") == (0, (FOLDER / "hang.yaml").read_text(), "")
