"""Durations."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio.objects.duration import envoy_duration, go_duration, parse_duration

MICROSECONDS = st.integers(0, 10**12).map(lambda number: timedelta(microseconds=number))


@pytest.mark.parametrize(
    ("text", "seconds"), [("3s", 3), ("250ms", 0.25), ("1h2m3.5s", 3723.5), ("0", 0), (".5s", 0.5), ("-1s", -1)]
)
def test_go_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["3", "", "s", "3x", "1s2", 3, None, "1 s"])
def test_what_go_does_not_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text", ["2562048h", "9999999999999h", pytest.param("9" * 400 + "s", id="400 digits"), "-9999999999999h"]
)
def test_what_is_too_long_for_go_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration of at most 2562047h"):
        parse_duration(text)


@given(MICROSECONDS)
def test_both_spellings_mean_the_same_time(value: timedelta) -> None:
    assert parse_duration(go_duration(value)) == value
    assert parse_duration(envoy_duration(value)) == pytest.approx(value, abs=timedelta(microseconds=1))


@pytest.mark.parametrize(("milliseconds", "text"), [(2500, "2.500s"), (400, "0.400s"), (10_000, "10s"), (0, "0s")])
def test_envoy_is_told_seconds_with_three_decimals_or_none(milliseconds: int, text: str) -> None:
    assert envoy_duration(timedelta(milliseconds=milliseconds)) == text
