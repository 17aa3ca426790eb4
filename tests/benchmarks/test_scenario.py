"""Scenarios: what comes with goaround, and what is said about a file that is wrong."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

import pytest

from benchmarks.contradictions import LAWS
from benchmarks.errors import BadInput
from benchmarks.scenario import Scenario, load_scenario, names, path_of, scenarios
from benchmarks.scenario_cli import explained
from k8s.render import MODES

GOOD = """
question: Does it hold?
primary: {measure: availability, phase: fault, margin: 0.05}
expectation: {result: it does, source: nobody}
load: {pattern: poisson, rate: 30}
phases: {warm: 1.0, steady: 2.0, fault: 3.0, recovery: 1.5}
fault: {kind: abort, service: image-analysis, replicas: 1, rate: 0.5}
slo: {latency_ms: 200}
"""
MISSING = "kind: library-missing, service: collector, replicas: all"


def problems(folder: Path, text: str) -> list[str]:
    """What is said about a file of this text, without the file's name."""
    path = folder / "mine.yaml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        load_scenario(path)
    assert all(problem.startswith(str(path)) for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_what_the_load_is_made_of_reaches_the_generator() -> None:
    assert load_scenario("momentum-down").arrivals().what == "dashboards"
    assert load_scenario("steady").arrivals().what == "frames"


def test_every_scenario_that_comes_along_can_be_read_and_they_ask_different_things() -> None:
    found = scenarios()
    assert [scenario.name for scenario in found] == names()
    assert len({scenario.question for scenario in found}) == len(found)


@pytest.mark.parametrize("name", names())
def test_a_scenario_opens_with_its_question_and_its_cell_lasts_a_few_seconds(name: str) -> None:
    assert path_of(name).read_text().startswith("question: ")
    assert load_scenario(name).question.endswith("?")
    assert 7.5 <= load_scenario(name).duration_s <= 15


def test_arms_that_do_not_exist_are_named(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD + "arms: [mesh, mush]\n") == [
        "arms: unknown mode 'mush'; choose from: " + ", ".join(MODES)
    ]


def test_a_missing_library_does_not_go_with_settings_that_its_restart_would_lose(tmp_path: Path) -> None:
    text = GOOD.replace("kind: abort, service: image-analysis, replicas: 1, rate: 0.5", MISSING)
    assert problems(tmp_path, text + "settings: {collector: {WORKERS: '3'}}\n") == [
        "fault: not with settings of collector, which it would start again without them"
    ]
    (tmp_path / "mine.yaml").write_text(text + "settings: {momentum: {WORKERS: '3'}}\n")
    assert load_scenario(tmp_path / "mine.yaml").settings


def test_phases_follow_each_other_on_the_clock_of_the_cell() -> None:
    timeline = load_scenario("error-burst").timeline()
    assert [(phase.name, phase.start, phase.end) for phase in timeline] == [
        ("warm", 0.0, 1.0), ("steady", 1.0, 3.0), ("fault", 3.0, 6.0), ("recovery", 6.0, 7.5),
    ]  # fmt: skip


def test_scaling_stretches_the_phases_and_the_time_that_a_crash_holds_and_nothing_else() -> None:
    scenario = load_scenario("crash")
    scaled = scenario.scaled(2)
    assert [phase.end for phase in scaled.timeline()] == [2.0, 6.0, 12.0, 15.0]
    assert scaled.fault is not None
    assert scaled.fault.model_dump() == {
        "kind": "crash",
        "service": "image-analysis",
        "replicas": 1,
        "version": None,
        "down_s": 2.0,
    }
    changed = {"phases", "fault"}
    assert scaled.model_dump(exclude=changed) == scenario.model_dump(exclude=changed)


SURGE = GOOD.replace("rate: 30", "rate: 30, times: {fault: 4}").replace("fault: {kind", "# {kind")


def test_a_load_may_be_many_times_as_high_in_one_phase(tmp_path: Path) -> None:
    path = tmp_path / "surge.yaml"
    path.write_text(SURGE)
    load = load_scenario(path).at_rate(20).arrivals()
    assert (load.rate, load.steps) == (20, ((3.0, 80.0), (6.0, 20.0)))


TOO_FAST = "load.rate: 9000 is 36000 a second in the phase 'fault', 4 times as many; write at most 2500"


def test_a_surge_is_held_to_the_rate_that_the_generator_may_be_asked_for(tmp_path: Path) -> None:
    assert problems(tmp_path, SURGE.replace("rate: 30", "rate: 9000")) == [TOO_FAST]
    path = tmp_path / "surge.yaml"
    path.write_text(SURGE)
    with pytest.raises(BadInput) as caught:
        load_scenario(path).at_rate(9000)
    assert caught.value.problems == (f"surge: {TOO_FAST}",)
    assert load_scenario(path).at_rate(2500).arrivals().steps[0].rate == 10_000


SATURATED = "saturated: {phases: [fault], reason: it is asked for}\n"


def test_only_a_load_that_rises_may_be_meant_to_fill_the_machine(tmp_path: Path) -> None:
    said = problems(tmp_path, GOOD + SATURATED)
    assert [line.partition(":")[0] for line in said] == ["saturated"]
    rising = GOOD.replace("rate: 30}", "rate: 30, times: {fault: 2.0}}")
    path = tmp_path / "rising.yaml"
    path.write_text(rising + SATURATED)
    assert load_scenario(path).saturated is not None


def test_what_may_be_full_is_a_phase_that_there_is_and_never_the_steady_one(tmp_path: Path) -> None:
    rising = GOOD.replace("rate: 30}", "rate: 30, times: {fault: 2.0}}")
    there = rising.replace(", recovery: 1.5", "") + SATURATED.replace("[fault]", "[recovery]")
    assert ["saturated.phases" in line for line in problems(tmp_path, there)] == [True]
    said = problems(tmp_path, rising + SATURATED.replace("[fault]", "[steady]"))
    assert all(line.startswith("saturated.phases") for line in said)


def test_a_surge_in_a_phase_that_there_is_not_is_refused(tmp_path: Path) -> None:
    assert problems(
        tmp_path, SURGE.replace(", recovery: 1.5", "").replace("{fault: 4}", "{fault: 4, recovery: 2}")
    ) == ["load.times.recovery: the phase 'recovery' has no length in `phases`"]


def decided_by(measure: str, margin: str) -> str:
    return GOOD.replace("availability, phase: fault, margin: 0.05", f"{measure}, margin: {margin}")


@pytest.mark.parametrize(
    ("measure", "margin", "said"),
    [
        ("availability, phase: fault", "0.07", "7 points"),
        ("availability, phase: fault", "0.01", "1 point"),
        ("latency-p99, phase: fault", "0.1", "10 %"),
        ("attempts, phase: all", "0.07", "7 %"),
        ("duplicated, phase: all", "1", "1 frame"),
        ("lost, phase: all", "12.5", "12.5 frames"),
        ("burn, phase: fault", "2", "2 times the budget"),
    ],
)
def test_a_margin_is_in_the_unit_of_its_measure_and_is_shown_with_it(
    tmp_path: Path, measure: str, margin: str, said: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(decided_by(measure, margin))
    assert load_scenario(path).primary.smallest == said
    assert any(line.endswith(f"; less than {said} is no difference") for line in explained(load_scenario(path)))


@pytest.mark.parametrize(
    ("measure", "margin", "right"),
    [
        ("goodput, phase: fault", "5", "less than 1: goodput is a share (0.05: 5 points)"),
        ("cpu, phase: fault", "10", "less than 1: cpu is compared by ratio (0.10: 10 %)"),
        ("duplicated, phase: all", "0", "greater than 0"),
        ("duplicated, phase: all", ".inf", "a finite number"),
    ],
)
def test_a_margin_that_no_difference_could_reach_is_refused(
    tmp_path: Path, measure: str, margin: str, right: str
) -> None:
    (said,) = problems(tmp_path, decided_by(measure, margin))
    assert said.startswith("primary.margin: ")
    assert said.endswith(f"is not right, it should be {right}")


def test_all_that_is_wrong_with_what_decides_is_said_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, decided_by("waste, phase: fault", "5"))
    assert [line.partition(":")[0] for line in found] == ["primary.phase", "primary.margin"]


@pytest.mark.parametrize("name", ["timeout-after-commit", "timeout-after-commit-without-ids"])
def test_frames_that_are_stored_twice_matter_from_the_first_one_on(name: str) -> None:
    assert load_scenario(name).primary.smallest == "1 frame"


def test_a_file_of_ones_own_is_named_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "my-fault.yaml"
    path.write_text(GOOD)
    assert load_scenario(path).name == "my-fault"


def test_an_unknown_name_is_answered_with_the_choices() -> None:
    with pytest.raises(BadInput, match=r"no scenario 'stedy'; choose one of: announced-bursts, bad-replica, .*steady"):
        load_scenario("stedy")


def test_a_name_that_leaves_the_folder_is_no_scenario() -> None:
    with pytest.raises(BadInput):
        load_scenario("../scenarios/steady")


def test_all_errors_are_said_at_once_with_path_and_what_would_be_right(tmp_path: Path) -> None:
    text = (
        GOOD.replace("rate: 0.5", "rate: 1.5, color: red")
        .replace("image-analysis", "image-analyser")
        .replace("rate: 30", "rate: fast")
        .replace("slo: {latency_ms: 200}", "")
    )
    found = problems(tmp_path, text)
    assert any("slo: is missing" in line for line in found)
    assert (
        "fault.color: no such field; the fields here are: service, replicas, version, kind, caller, status, rate, "
        "when" in found
    )
    assert any(line.startswith("fault.rate: 1.5 is not right, it should be less than or equal to 1") for line in found)
    assert any(
        line.startswith('fault.service: "image-analyser" is not right') and "'image-analysis'" in line for line in found
    )
    assert any(line.startswith('load.rate: "fast" is not right, it should be a valid number') for line in found)
    assert len(found) == 5


def test_what_parts_say_against_each_other_is_said_beside_the_fields_that_are_wrong(tmp_path: Path) -> None:
    text = (
        GOOD.replace("kind: abort", "kind: crash").replace("rate: 0.5", "down_s: 9")
        .replace("latency_ms: 200", "latency_ms: slow").replace("recovery: 1.5", "recovery: 0.0")
        .replace("rate: 30", "rate: 30, times: {recovery: 2}")
    )  # fmt: skip
    more = "arms: [mush]\nsweep: {load.rate: [5, 0], retries.attempts: [], fault.down_s: [1.0]}\n"
    starts = [
        'slo.latency_ms: "slow" is not right',
        "load.times.recovery: the phase 'recovery' has no length in `phases`",
        "arms: unknown mode 'mush'; choose from: ",
        "fault.down_s: at most the fault phase, 3.0 s",
        "sweep.retries.attempts: is an empty list",
        "sweep.load.rate=0: load.rate: 0 is not right, it should be greater than 0",
    ]
    found = problems(tmp_path, text + more)
    assert [[start for start in starts if line.startswith(start)] for line in found] == [[start] for start in starts]


def test_a_part_that_cannot_be_read_hides_no_other_and_nothing_is_said_of_what_it_may_mean(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD.replace("phases: {", "phases: {worm: 1, ") + "arms: [mush]\n")
    assert [line.partition(":")[0] for line in found] == ["phases.worm", "arms"]


def test_every_law_is_about_parts_that_a_scenario_has() -> None:
    assert {name for law in LAWS for name in signature(law).parameters} <= Scenario.model_fields.keys()


def test_the_members_of_a_union_complain_in_one_sentence(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD.replace("replicas: 1", "replicas: some")) == [
        "fault.replicas: \"some\" is not right, it should be 'all' or a valid integer"
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: abort", "kind: explode", "fault.kind: \"explode\" is unknown; choose one of: 'abort', 'burst'"),
        ("kind: abort, ", "", "fault.kind: is missing"),
        ("measure: availability", "measure: beauty", "primary.measure: no measure 'beauty'; choose one of: avail"),
        ("measure: availability", "measure: lost", "primary.phase: lost is counted over the whole cell; write `all`"),
        (", fault: 3.0", "", "phases.fault: a scenario with a fault or an action needs"),
        ("phase: fault", "phase: warm", "primary.phase: \"warm\" is not right, it should be 'steady'"),
        ("rate: 30", "rate: .nan", "load.rate: NaN is not right, it should be a finite number"),
        ("rate: 30", "rate: '30'", 'load.rate: "30" is not right'),
        ("question:", "name: other\nquestion:", "name: a scenario is named by its file"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in "\n".join(problems(tmp_path, GOOD.replace(old, new)))


def test_a_fault_phase_without_a_fault_is_refused(tmp_path: Path) -> None:
    text = "\n".join(line for line in GOOD.splitlines() if not line.startswith("fault:"))
    assert "there is nothing to recover from" in "\n".join(problems(tmp_path, text))


def test_a_fault_on_a_version_needs_a_canary_and_takes_all_of_its_replicas(tmp_path: Path) -> None:
    said = problems(tmp_path, GOOD.replace("rate: 0.5", "rate: 0.5, version: v2"))
    assert ["fault.version" in said[0], "fault.replicas" in said[1]] == [True, True], said


def test_a_crash_cannot_outlast_its_phase(tmp_path: Path) -> None:
    crash = "fault: {kind: crash, service: image-analysis, replicas: 1, down_s: 9}"
    text = "\n".join(crash if line.startswith("fault:") else line for line in GOOD.splitlines())
    assert problems(tmp_path, text) == ["fault.down_s: at most the fault phase, 3.0 s"]


def test_a_key_written_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD + "slo: {latency_ms: 100}\n")
    with pytest.raises(BadInput, match=r"mine.yaml:9: not YAML: `slo` is written twice"):
        load_scenario(path)


@pytest.mark.parametrize("text", ["", "[1, 2]", "just words"])
def test_a_document_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert "must be a mapping with the fields question, primary" in problems(tmp_path, text)[0]


@pytest.mark.parametrize("text", ["{", "a: [1", "\x00", "? [a]\n: 1", "load: &a [*a]"])
def test_what_does_not_parse_gives_a_sentence_and_no_traceback(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"mine\.yaml"):
        load_scenario(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.yaml: cannot be read: No such file"):
        load_scenario(tmp_path / "gone.yaml")
