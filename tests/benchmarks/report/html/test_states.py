"""From moments to states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.record import Moment
from benchmarks.report.html.states import spans

END = 10.0


def moments(*kinds: tuple[float, str], pod: str = "collector-0") -> list[Moment]:
    return [Moment(at=at, pod=pod, edge="collector->image-analysis", kind=kind) for at, kind in kinds]


def seen(given_moments: list[Moment]) -> list[tuple[str, float, float]]:
    return [(span.state, span.start, span.end) for span in spans(given_moments, END)]


def test_a_breaker_that_opens_again_from_half_open_was_never_closed() -> None:
    found = seen(moments((1, "open"), (2, "half-open"), (2.1, "open"), (3, "half-open"), (3.5, "close")))
    assert found == [("breaker", 1.0, 3.5)]


def test_what_never_ends_lasts_until_the_end() -> None:
    assert seen(moments((4, "open"), (5, "ejection"))) == [("breaker", 4.0, END), ("ejected", 5.0, END)]


def test_two_replicas_may_be_ejected_at_once() -> None:
    found = seen(moments((1, "ejection"), (2, "ejection"), (3, "return"), (4, "return")))
    assert found == [("ejected", 1.0, 3.0), ("ejected", 2.0, 4.0)]


def test_callers_have_states_of_their_own() -> None:
    both = sorted([*moments((1, "open")), *moments((2, "close"), pod="collector-1")], key=lambda one: one.at)
    assert seen(both) == [("breaker", 1.0, END)]


@given(st.lists(st.tuples(st.floats(0, END), st.sampled_from(["open", "half-open", "close", "ejection", "return"]))))
def test_no_state_ends_before_it_begins_or_after_the_cell(kinds: list[tuple[float, str]]) -> None:
    found = spans(moments(*sorted(kinds)), END)
    assert all(0 <= span.start <= span.end <= END for span in found)
    begun = sum(kind == "ejection" for _, kind in kinds)
    assert sum(span.state == "ejected" for span in found) == begun
