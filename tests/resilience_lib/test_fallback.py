"""An old answer in place of a failure: when, how old, and that nobody takes it for a success."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from resilience_lib import EdgePolicy, Event, FallbackPolicy, Flag, Outcome, RetryPolicy, Verdict
from tests.resilience_lib.world import BUSY, OK, UNREACHABLE, Callee, Heard, run

NEWS = Outcome(200, value=b"news")


async def asked(pipe: Any, *script: Outcome[Any], question: str | None = "latest") -> Outcome[Any]:
    outcome: Outcome[Any] = await pipe.call(Callee(*script), question=question)
    return outcome


@pytest.mark.parametrize("failure", [BUSY, UNREACHABLE, Outcome(500)])
def test_a_failure_is_answered_with_the_last_good_answer_its_flag_and_its_age(make: Any, failure: Outcome[Any]) -> None:
    async def main() -> None:
        heard = Heard()
        pipe = make(EdgePolicy(RetryPolicy(1, "5xx", 1e-9, 1e-9), fallback=FallbackPolicy(60)), listener=heard)
        await asked(pipe, Outcome(200, value=b"older"))
        await asked(pipe, NEWS)
        heard.clear()
        await asyncio.sleep(12)
        outcome = await asked(pipe, failure)
        assert outcome[:3] == (200, Flag.FALLBACK, b"news")
        assert outcome.age_s == pytest.approx(12)
        assert outcome.attempts == 2  # those of this call, not of the one that is remembered
        assert outcome.verdict is Verdict.IGNORED
        assert heard == [Event.ATTEMPT, Event.RETRY, Event.ATTEMPT, Event.FALLBACK]
        assert (await asked(pipe, OK)).verdict is Verdict.SUCCESS

    run(main)


def test_an_answer_that_is_too_old_is_none(make: Any) -> None:
    async def main() -> None:
        pipe = make(EdgePolicy(fallback=FallbackPolicy(max_age_s=10)))
        await asked(pipe, NEWS)
        await asyncio.sleep(9.9)
        assert (await asked(pipe, BUSY)).flag is Flag.FALLBACK
        await asyncio.sleep(0.2)  # an old answer that was given again is no younger for it
        assert await asked(pipe, BUSY) == BUSY

    run(main)


def test_each_question_has_its_own_answer_and_a_call_without_one_has_none(make: Any) -> None:
    async def main() -> None:
        pipe = make(EdgePolicy(fallback=FallbackPolicy()))
        await asked(pipe, NEWS)
        await asked(pipe, OK, question=None)
        assert await asked(pipe, BUSY, question="other") == BUSY
        assert await asked(pipe, BUSY, question=None) == BUSY

    run(main)


def test_a_client_error_is_an_answer_and_neither_replaced_nor_remembered(make: Any) -> None:
    async def main() -> None:
        pipe = make(EdgePolicy(fallback=FallbackPolicy()))
        await asked(pipe, NEWS)
        assert await asked(pipe, Outcome(404)) == Outcome(404)
        assert (await asked(pipe, BUSY)).value == b"news"

    run(main)


def test_only_the_questions_answered_last_are_kept(make: Any) -> None:
    async def main() -> None:
        pipe = make(EdgePolicy(fallback=FallbackPolicy(entries=2)))
        for question in "abac":
            await asked(pipe, NEWS, question=question)
        flags = [(await asked(pipe, BUSY, question=question)).flag for question in "abc"]
        assert flags == [Flag.FALLBACK, None, Flag.FALLBACK]

    run(main)
