"""Envoy's retryOn grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lib.conditions import DEFAULT_RETRY_ON, NEVER_OVER_HTTP_1, WORDS, retry_condition
from resilience_lib.outcome import Flag, Outcome, call_timed_out, refused, try_timed_out

OUTCOMES: dict[str, Outcome[object]] = {
    "200": Outcome(200),
    "404": Outcome(404),
    "409": Outcome(409),
    "500": Outcome(500),
    "503": Outcome(503),
    "connect": Outcome(503, Flag.CONNECT_FAILURE, sent=False),
    "closed": Outcome(503, Flag.CLOSED),
    "not http": Outcome(502, Flag.PROTOCOL),
    "slow": try_timed_out(),
    "deadline": call_timed_out(during_try=True),
    "refused": refused(),
    "broke off": Outcome(503, Flag.CLOSED, final=True),
}
LOST = {"connect", "closed", "not http", "slow"}


@pytest.mark.parametrize(
    ("text", "retried"),
    [
        ("5xx", {"500", "503"} | LOST),
        ("gateway-error", {"503"} | LOST),
        ("reset", LOST),
        ("reset-before-request", {"connect"}),
        ("connect-failure", {"connect"}),
        ("retriable-4xx", {"409"}),
        ("retriable-status-codes", set()),
        ("retriable-status-codes,503", {"503"}),
        ("503", {"503"}),
        ("404, 500", {"404", "500"}),
        ("connect-failure,503", {"connect", "503"}),
        (DEFAULT_RETRY_ON, {"connect"}),
        (",".join(sorted(NEVER_OVER_HTTP_1)), set()),
    ],
)
def test_each_word_matches_what_it_matches_in_envoy(text: str, retried: set[str]) -> None:
    matches = retry_condition(text)
    assert {name for name, outcome in OUTCOMES.items() if matches(outcome)} == retried


def test_unknown_words_are_refused_all_at_once_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"'5yy', '99', ''.*5xx.*gateway-error.*retriable-4xx"):
        retry_condition("5yy,5xx,99,")


@given(st.lists(st.sampled_from([*WORDS, "503", "200"]), min_size=1), st.integers(100, 599), st.sampled_from([*Flag]))
def test_no_condition_retries_a_final_outcome(words: list[str], status: int, flag: Flag) -> None:
    assert not retry_condition(",".join(words))(Outcome(status, flag, final=True))


@given(
    st.lists(st.sampled_from(WORDS), min_size=1),
    st.lists(st.sampled_from(WORDS)),
    st.sampled_from([*OUTCOMES.values()]),
)
def test_a_longer_list_never_retries_less(words: list[str], more: list[str], outcome: Outcome[object]) -> None:
    if retry_condition(",".join(words))(outcome):
        assert retry_condition(",".join(words + more))(outcome)
