"""How often, on what, after how long a pause, and what is never retried."""

import asyncio
import itertools
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lib import EdgePolicy, Event, Flag, LimitsPolicy, Outcome, RetryPolicy, TimeoutPolicy
from resilience_lib import retry as retry_module
from tests.resilience_lib.world import BUSY, CLOSED, OK, UNREACHABLE, Callee, Gate, Heard, now, pipeline, run, settle

outcomes = st.sampled_from([OK, BUSY, UNREACHABLE, CLOSED, Outcome(404), Outcome(500)])


@given(st.integers(1, 6), st.lists(outcomes, min_size=1, max_size=8), st.sampled_from(["5xx", "connect-failure"]))
def test_the_tries_are_those_up_to_the_first_that_needs_no_retry_and_never_more_than_allowed(
    attempts: int, script: list[Outcome[Any]], on: str
) -> None:
    def retriable(outcome: Outcome[Any]) -> bool:
        return outcome is UNREACHABLE if on == "connect-failure" else outcome.status >= 500

    played = [script[min(i, len(script) - 1)] for i in range(attempts + 1)]
    failing = len([*itertools.takewhile(retriable, played)])
    callee = Callee(*script)

    async def main() -> Outcome[Any]:
        return await pipeline(EdgePolicy(retry=RetryPolicy(attempts, on))).call(callee)

    outcome = run(main)
    assert outcome.attempts == len(callee.calls) == min(failing, attempts) + 1
    assert outcome.status == played[len(callee.calls) - 1].status
    assert (outcome.flag is Flag.RETRIES_USED_UP) == (failing == attempts + 1)


@given(st.integers(1, 8), st.floats(0.001, 10), st.floats(1, 50), st.integers())
def test_the_pause_before_retry_n_is_below_the_base_doubled_n_times_and_below_the_maximum(
    attempts: int, base: float, factor: float, seed: int
) -> None:
    policy = RetryPolicy(attempts, "5xx", base, base * factor)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def main() -> None:
        await pipeline(EdgePolicy(retry=policy), sleep=sleep, rng=Random(seed)).call(Callee(BUSY))

    run(main)
    assert len(pauses) == attempts
    for n, pause in enumerate(pauses):
        assert 0 <= pause < min(base * 2**n, base * factor) * (1 + 1e-9)


def test_the_pause_fills_its_range_and_follows_its_seed() -> None:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def main() -> None:
        policy = EdgePolicy(retry=RetryPolicy(1, "5xx", 0.025, 0.25))
        pipe = pipeline(policy, sleep=sleep, rng=Random(7))
        for _ in range(500):
            await pipe.call(Callee(BUSY))

    pauses: list[float] = []
    run(main)
    first, pauses = pauses, []
    run(main)
    assert first == pauses
    assert min(first) < 0.001
    assert max(first) > 0.024
    assert sum(first) / 500 == pytest.approx(0.0125, rel=0.1)


def test_a_call_that_succeeds_at_once_never_meets_tenacity(monkeypatch: pytest.MonkeyPatch) -> None:
    def met(*_: object, **__: object) -> None:
        pytest.fail("tenacity was used for a call that needed no retry")

    monkeypatch.setattr(retry_module, "AsyncRetrying", met)

    async def main() -> Outcome[Any]:
        return await pipeline(EdgePolicy(retry=RetryPolicy(2, "5xx"))).call(Callee(OK))

    assert run(main) == OK


async def hang() -> Outcome[Any]:
    await asyncio.sleep(3600)
    return OK


@pytest.mark.parametrize(
    ("script", "cancel_at", "tries"),
    [((hang,), 1.0, 1), ((BUSY, hang), 5.0, 2), ((BUSY,), 1e-6, 1)],
    ids=["in the first try", "in a retry", "in the pause"],
)
def test_a_cancelled_call_is_not_retried_and_gives_its_permit_back(
    script: tuple[Outcome[Any] | Callable[[], Any]], cancel_at: float, tries: int
) -> None:
    async def main() -> None:
        callee = Callee(*script)
        policy = EdgePolicy(RetryPolicy(3, "5xx", 2.0, 2.0), limits=LimitsPolicy(retries=1))
        pipe = pipeline(policy, rng=Random(1))
        task = asyncio.create_task(pipe.call(callee))
        await asyncio.sleep(cancel_at)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(callee.calls) == tries
        await asyncio.sleep(60)
        assert len(callee.calls) == tries
        assert (await pipe.call(Callee(BUSY, OK))).status == 200

    run(main)


def test_what_the_transport_raises_is_not_retried_in_any_try() -> None:
    async def broken() -> Outcome[Any]:
        raise ZeroDivisionError

    async def main() -> None:
        for script in ((broken,), (BUSY, broken)):
            callee = Callee(*script)
            with pytest.raises(ZeroDivisionError):
                await pipeline(EdgePolicy(retry=RetryPolicy(3, "5xx"))).call(callee)
            assert len(callee.calls) == len(script)

    run(main)


def test_concurrent_calls_keep_their_own_count_and_their_own_answer() -> None:
    async def main() -> None:
        pipe = pipeline(EdgePolicy(retry=RetryPolicy(5, "5xx")), rng=Random(3))

        async def one(failures: int) -> None:
            answer = Outcome(200, value=failures)
            outcome = await pipe.call(Callee(*[BUSY] * failures, answer))
            assert (outcome.value, outcome.attempts) == (failures, failures + 1)

        await asyncio.gather(*(one(i % 5) for i in range(100)))

    run(main)


def test_a_retry_without_a_permit_is_not_made_and_the_answer_at_hand_is_kept_with_uo() -> None:
    async def main() -> None:
        gate, heard = Gate(), Heard()
        policy = EdgePolicy(RetryPolicy(2, "5xx", 1.0, 1.0), limits=LimitsPolicy(retries=1))
        pipe = pipeline(policy, listener=heard)
        retried = asyncio.create_task(pipe.call(Callee(BUSY, gate)))
        await settle()  # it holds the only permit in its pause already
        kept = await pipe.call(Callee(Outcome(500, value=b"why")))
        assert kept == Outcome(500, Flag.OVERFLOW, b"why")
        assert heard.count(Event.REJECT) == 1
        await asyncio.sleep(1)
        gate.waiting[0].set_result(OK)
        assert (await retried).attempts == 2
        assert (await pipe.call(Callee(BUSY, OK))).status == 200

    run(main)


def test_a_pause_ends_with_the_deadline_and_no_further_try_is_made() -> None:
    async def main() -> None:
        callee, heard = Callee(BUSY), Heard()
        policy = EdgePolicy(RetryPolicy(50, "5xx", 0.8, 0.8), TimeoutPolicy(overall_s=1.0))
        outcome = await pipeline(policy, listener=heard, rng=Random(1)).call(callee)
        assert (outcome.status, outcome.flag) == (504, Flag.TIMEOUT)
        assert outcome.attempts == len(callee.calls)
        assert now() == pytest.approx(1.0)
        assert heard[-1] is Event.TIMEOUT

    run(main)
