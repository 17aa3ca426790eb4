"""The laws of the schedule."""

from itertools import accumulate, pairwise
from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadtests.schedule import CAMERAS, Load, Pattern, Step, arrivals, busiest

ONE = ("127.0.0.1:1",)

patterns = st.sampled_from(["constant", "poisson"])
rates = st.floats(0.5, 300)
durations = st.floats(0.01, 4)
seeds = st.integers(0, 2**64)
entries = st.lists(st.integers(1, 65_535).map("127.0.0.1:{}".format), min_size=1, max_size=5, unique=True)


@given(patterns, rates, durations, seeds, entries)
def test_arrivals_are_in_order_and_within_the_duration(
    pattern: Pattern, rate: float, duration: float, seed: int, to: list[str]
) -> None:
    schedule = arrivals(Load(pattern=pattern, rate=rate), duration, seed, to)
    assert all(0 <= arrival.at_s < duration for arrival in schedule)
    assert all(one.at_s <= other.at_s for one, other in pairwise(schedule))
    assert [arrival.index for arrival in schedule] == list(range(len(schedule)))


@given(patterns, rates, durations, seeds, entries)
def test_the_same_arguments_give_the_same_schedule(
    pattern: Pattern, rate: float, duration: float, seed: int, to: list[str]
) -> None:
    load = Load(pattern=pattern, rate=rate)
    assert arrivals(load, duration, seed, to) == arrivals(load, duration, seed, to)


@given(patterns, rates, durations, seeds, entries)
def test_nothing_but_the_entry_depends_on_how_many_entries_there_are(
    pattern: Pattern, rate: float, duration: float, seed: int, to: list[str]
) -> None:
    load = Load(pattern=pattern, rate=rate)
    alone, among = arrivals(load, duration, seed, ONE), arrivals(load, duration, seed, to)
    assert [(a.at_s, a.frame_seed, a.camera) for a in alone] == [(a.at_s, a.frame_seed, a.camera) for a in among]


@given(rates, rates, durations, seeds)
def test_a_frame_does_not_depend_on_the_rate(rate: float, other: float, duration: float, seed: int) -> None:
    one = arrivals(Load(pattern="poisson", rate=rate), duration, seed, ONE)
    two = arrivals(Load(pattern="constant", rate=other), duration, seed, ONE)
    assert all(a.frame_seed == b.frame_seed and a.camera == b.camera for a, b in zip(one, two, strict=False))


@given(st.integers(1, 500), st.integers(1, 10), seeds)
def test_a_constant_load_has_exactly_rate_times_duration_arrivals(rate: int, duration: int, seed: int) -> None:
    schedule = arrivals(Load(pattern="constant", rate=rate), duration, seed, ONE)
    assert len(schedule) == rate * duration
    assert all(other.at_s - one.at_s == pytest.approx(1 / rate) for one, other in pairwise(schedule))


def test_the_number_of_poisson_arrivals_has_the_mean_and_the_variance_of_its_law() -> None:
    rate, duration, runs = 30.0, 2.0, 400
    counts = [len(arrivals(Load(pattern="poisson", rate=rate), duration, seed, ONE)) for seed in range(runs)]
    mean = rate * duration
    # the mean of 400 counts is within 4 of its standard errors, and the index of dispersion of a Poisson law is 1
    assert fmean(counts) == pytest.approx(mean, abs=4 * (mean / runs) ** 0.5)
    assert pvariance(counts) / fmean(counts) == pytest.approx(1.0, abs=4 * (2 / runs) ** 0.5)


changes = st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.5, 300)), max_size=4)


def steps_of(gaps: list[tuple[float, float]]) -> tuple[Step, ...]:
    at = accumulate(gap for gap, _ in gaps)
    return tuple(Step(when, rate) for when, (_, rate) in zip(at, gaps, strict=True))


@given(rates, changes)
def test_a_constant_load_with_steps_has_as_many_arrivals_by_any_time_as_the_area_under_its_rate(
    rate: float, gaps: list[tuple[float, float]]
) -> None:
    load = Load(pattern="constant", rate=rate, steps=steps_of(gaps))
    area, before = 0.0, (0.0, rate)
    schedule = arrivals(load, 5, 1, ONE)
    for at_s, then in (*load.steps, Step(5.0, 1.0)):
        area += (at_s - before[0]) * before[1]
        before = (at_s, then)
        assert sum(arrival.at_s < at_s for arrival in schedule) == pytest.approx(area, abs=1.001)


@given(patterns, rates, seeds, st.floats(0.1, 3), st.floats(0.5, 300))
def test_a_step_changes_nothing_that_comes_before_it(
    pattern: Pattern, rate: float, seed: int, at_s: float, then: float
) -> None:
    plain = arrivals(Load(pattern=pattern, rate=rate), at_s, seed, ONE)
    stepped = arrivals(Load(pattern=pattern, rate=rate, steps=(Step(at_s, then),)), at_s, seed, ONE)
    assert stepped == plain


def test_steps_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="each must begin after the one before it"):
        Load(pattern="constant", rate=1, steps=(Step(2, 1), Step(1, 1)))


def test_entries_and_cameras_are_drawn_evenly() -> None:
    to = ("127.0.0.1:1", "127.0.0.1:2")
    schedule = arrivals(Load(pattern="constant", rate=1000), 4, 7, to)
    for share in (
        fmean(arrival.entry == to[0] for arrival in schedule),
        fmean(arrival.camera == CAMERAS[0] for arrival in schedule),
    ):
        assert share == pytest.approx(0.5, abs=4 * (0.25 / len(schedule)) ** 0.5)


def test_another_seed_gives_other_arrivals() -> None:
    load = Load(pattern="poisson", rate=30)
    assert arrivals(load, 2, 1, ONE) != arrivals(load, 2, 2, ONE)


def test_a_seed_means_the_same_on_every_machine_and_version() -> None:
    first = arrivals(Load(pattern="poisson", rate=30), 1, 7, ("127.0.0.1:1", "127.0.0.1:2"))[0]
    assert (round(first.at_s, 9), first.entry, first.frame_seed, first.camera) == (
        0.007717447,
        "127.0.0.1:1",
        2977842374,
        2,
    )


def test_a_bad_load_names_every_wrong_field_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        Load.model_validate({"pattern": "bursty", "rate": 0, "ramp": 1})
    assert {error["loc"] for error in refused.value.errors()} == {("pattern",), ("rate",), ("ramp",)}


def test_a_load_does_not_change() -> None:
    load = Load(pattern="constant", rate=1)
    with pytest.raises(ValidationError):
        load.rate = 2  # type: ignore[misc] # that it cannot be set is what is tested


@pytest.mark.parametrize(("duration", "to", "named"), [(0.0, ONE, "duration_s"), (1.0, (), "entries")])
def test_a_schedule_without_time_or_entry_is_refused_by_name(duration: float, to: tuple[str, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        arrivals(Load(pattern="constant", rate=1), duration, 1, to)


@given(st.floats(1, 60), st.floats(0.1, 5), st.integers(0, 2**31))
def test_the_busiest_span_is_the_most_that_any_window_holds(rate: float, span: float, seed: int) -> None:
    planned = arrivals(Load(pattern="poisson", rate=rate), 8.0, seed, ("a:1",))
    ends = [one.at_s for one in planned]
    assert busiest(planned, span) == max((sum(end - span < at <= end for at in ends) for end in ends), default=0)
