"""What an outcome says about the callee."""

import pytest

from resilience_lib.outcome import Flag, Outcome, Verdict, call_timed_out, refused, try_timed_out


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome(200), Verdict.SUCCESS),
        (Outcome(404), Verdict.SUCCESS),
        (Outcome(429), Verdict.SUCCESS),
        (Outcome(500), Verdict.FAILURE),
        (Outcome(503), Verdict.FAILURE),
        (Outcome(503, Flag.CONNECT_FAILURE, sent=False), Verdict.FAILURE),
        (Outcome(503, Flag.CLOSED), Verdict.FAILURE),
        (try_timed_out(), Verdict.FAILURE),
        (call_timed_out(during_try=True), Verdict.FAILURE),
        (call_timed_out(during_try=False), Verdict.IGNORED),
        (refused(), Verdict.IGNORED),
    ],
)
def test_a_verdict_counts_server_errors_and_lost_answers_and_ignores_what_was_never_sent(
    outcome: Outcome[object], verdict: Verdict
) -> None:
    assert outcome.verdict is verdict
