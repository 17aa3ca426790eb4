"""When things happened at a pod, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.timeline import BIN_S, MOST_BINS, MOST_MOMENTS, Timeline


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_change_of_mind_is_noted_with_its_time() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    timeline.event("alerts", "open")
    clock.now = 101.5
    timeline.event("alerts", "half-open")
    assert timeline.to_json()["events"] == [[100.0, "alerts", "open"], [101.5, "alerts", "half-open"]]


def test_a_retry_is_counted_elsewhere_and_is_no_moment() -> None:
    timeline = Timeline(Clock())
    timeline.event("alerts", "retry")
    assert timeline.to_json()["events"] == []


@given(st.lists(st.floats(0, 2), min_size=1, max_size=50))
def test_every_request_is_in_exactly_one_bin_that_holds_its_time(gaps: list[float]) -> None:
    clock = Clock()
    timeline = Timeline(clock)
    times = []
    for gap in gaps:
        clock.now += gap
        times.append(clock.now)
        timeline.received("collector")
    bins = timeline.to_json()["received"]["collector"]
    for at, n in bins:
        assert n == sum(at <= one < at + BIN_S for one in times)
    assert sum(n for _, n in bins) == len(times)


def test_a_reset_forgets_everything() -> None:
    timeline = Timeline(Clock())
    timeline.event("alerts", "open")
    timeline.received("collector")
    timeline.reset()
    assert timeline.to_json() == {"now": 100.0, "events": [], "received": {}}


def test_what_is_kept_is_bounded() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    for _ in range(max(MOST_BINS, MOST_MOMENTS) + 10):
        clock.now += BIN_S
        timeline.event("alerts", "open")
        timeline.received("collector")
    kept = timeline.to_json()
    assert len(kept["events"]) == MOST_MOMENTS
    assert len(kept["received"]["collector"]) == MOST_BINS
    assert kept["received"]["collector"][-1][0] == clock.now
