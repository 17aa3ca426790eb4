"""The paths that spare tenacity and pybreaker are taken only where those could have changed nothing.

Any script is played twice: by the pipeline as it is, and by one in which every call goes through tenacity from its
first try on and every outcome is reported to pybreaker. Nothing may tell them apart.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import AsyncRetrying, retry_if_result, stop_after_attempt

import resilience_lib.pipeline
from resilience_lib import BreakerPolicy, EdgePolicy, Event, LimitsPolicy, Outcome, RetryPolicy, TimeoutPolicy
from resilience_lib.breaker import Breaker
from resilience_lib.layer import Call, T
from resilience_lib.outcome import call_timed_out, refused
from resilience_lib.retry import Retry, _used_up
from tests.resilience_lib.world import BUSY, CLOSED, OK, UNREACHABLE, Callee, Heard, now, pipeline, run

Step = Outcome[Any] | float
steps: st.SearchStrategy[Step] = st.sampled_from(
    [OK, OK, BUSY, UNREACHABLE, CLOSED, Outcome(404), Outcome(500), refused(), 0.1, 0.6]
)
policies = st.builds(
    EdgePolicy,
    st.builds(RetryPolicy, st.integers(1, 3), st.sampled_from(["5xx", "reset", "connect-failure,404"])),
    st.sampled_from([None, TimeoutPolicy(0.5), TimeoutPolicy(0.5, 0.9)]),
    st.builds(BreakerPolicy, st.integers(1, 4), st.sampled_from([0.3, 2.0])),
    st.just(LimitsPolicy(3, 2)),
)
scripts = st.lists(
    st.tuples(st.floats(0, 1, allow_subnormal=False), st.lists(steps, min_size=1, max_size=5)), max_size=12
)


class EveryTryByTenacity(Retry):
    """Retries without the fast path."""

    async def call(self, call: Call[T]) -> Outcome[T]:
        tries = 0

        async def attempt() -> Outcome[T]:
            nonlocal tries
            tries += 1
            if tries > 1:
                if call.deadline is not None and self._clock() >= call.deadline:
                    self._tell(Event.TIMEOUT)
                    return call_timed_out(during_try=False)
                self._tell(Event.RETRY)
            return await self._inner.call(call)

        async def pause(seconds: float) -> None:
            left = seconds if call.deadline is None else call.deadline - self._clock()
            await self._sleep(max(0.0, min(seconds, left)))

        return await AsyncRetrying(
            stop=stop_after_attempt(self._attempts + 1),
            retry=retry_if_result(self._condition),
            wait=self._wait,
            sleep=pause,
            retry_error_callback=_used_up,
        )(attempt)


def played(policy: EdgePolicy, script: list[tuple[float, list[Step]]]) -> Any:
    """Make a call for each entry, so many seconds after the one before it, and note all that can be seen."""

    async def main() -> Any:
        heard, tries = Heard(), []
        pipe = pipeline(policy, rng=Random(7), listener=heard)

        async def one(callee: Callee) -> tuple[Outcome[Any], float]:
            outcome = await pipe.call(callee)
            return outcome, now()

        tasks = []
        for pause, steps_of_call in script:
            await asyncio.sleep(pause)
            tries.append(Callee(*steps_of_call))
            tasks.append(asyncio.create_task(one(tries[-1])))
        return await asyncio.gather(*tasks), [callee.calls for callee in tries], heard

    return run(main)


@given(policies, scripts)
def test_no_script_tells_the_fast_paths_from_the_long_way(
    policy: EdgePolicy, script: list[tuple[float, list[Step]]]
) -> None:
    fast = played(policy, script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resilience_lib.pipeline, "Retry", EveryTryByTenacity)
        patch.setattr(Breaker, "_nothing_to_forget", lambda _: False)
        assert played(policy, script) == fast
