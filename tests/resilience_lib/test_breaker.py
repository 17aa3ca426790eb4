"""The breaker under asyncio: each trap of pybreaker that its recipe avoids."""

import asyncio
from typing import Any

import pybreaker
import pytest

from resilience_lib import BreakerPolicy, EdgePolicy, Event, Flag, Outcome, Pipeline, TimeoutPolicy
from resilience_lib.outcome import refused
from tests.resilience_lib.world import BUSY, OK, UNREACHABLE, Callee, Gate, Heard, pipeline, run, settle

POLICY = EdgePolicy(breaker=BreakerPolicy(failures=3, reset_s=10.0))


async def open_circuit(pipe: Pipeline) -> None:
    for _ in range(3):
        assert (await pipe.call(Callee(BUSY))).status == 503


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def is_rejected(outcome: Outcome[Any]) -> bool:
    return (outcome.status, outcome.flag, outcome.attempts) == (503, Flag.OVERFLOW, 0)


@pytest.mark.parametrize("failure", [BUSY, UNREACHABLE, Outcome(500)])
def test_it_opens_after_so_many_failures_in_a_row_and_then_never_calls(failure: Outcome[Any]) -> None:
    async def main() -> None:
        pipe = pipeline(POLICY)
        for answer in (failure, failure, OK, failure, failure, Outcome(404), failure, failure, failure):
            assert await pipe.call(Callee(answer)) == answer  # the call that trips is told its own failure
        callee = Callee(OK)
        assert is_rejected(await pipe.call(callee))
        assert callee.calls == []

    run(main)


def test_after_the_pause_one_probe_closes_it_or_opens_it_for_another_pause() -> None:
    async def main() -> None:
        heard = Heard()
        pipe = pipeline(POLICY, listener=heard)
        await open_circuit(pipe)
        await asyncio.sleep(9.999)
        assert is_rejected(await pipe.call(Callee(OK)))
        await asyncio.sleep(0.001)
        assert await pipe.call(Callee(BUSY)) == BUSY
        await asyncio.sleep(9.999)
        assert is_rejected(await pipe.call(Callee(OK)))
        await asyncio.sleep(0.001)
        assert await pipe.call(Callee(OK)) == OK
        assert heard.without_attempts() == [
            *(Event.OPEN, Event.REJECT, Event.HALF_OPEN),
            *(Event.OPEN, Event.REJECT, Event.HALF_OPEN, Event.CLOSE),
        ]

    run(main)


def test_fifty_callers_at_a_half_open_circuit_cause_one_probe() -> None:
    async def main() -> None:
        pipe, gate = pipeline(POLICY), Gate()
        await open_circuit(pipe)
        await asyncio.sleep(10)
        tasks = [asyncio.create_task(pipe.call(gate)) for _ in range(50)]
        await settle()
        assert len(gate.waiting) == 1
        gate.waiting[0].set_result(OK)
        outcomes = await asyncio.gather(*tasks)
        assert outcomes.count(OK) == 1
        assert len([outcome for outcome in outcomes if is_rejected(outcome)]) == 49
        assert await pipe.call(Callee(OK)) == OK

    run(main)


def test_late_failures_of_calls_admitted_earlier_do_not_prolong_an_open_circuit() -> None:
    async def main() -> None:
        pipe, gate, heard = pipeline(POLICY), Gate(), Heard()
        pipe = pipeline(POLICY, listener=heard)
        early = [asyncio.create_task(pipe.call(gate)) for _ in range(20)]
        await settle()
        await open_circuit(pipe)
        await asyncio.sleep(9)
        for answer in gate.waiting:
            answer.set_result(BUSY)
        await asyncio.gather(*early)
        await asyncio.sleep(1)
        assert await pipe.call(Callee(OK)) == OK
        assert heard.without_attempts() == [Event.OPEN, Event.HALF_OPEN, Event.CLOSE]

    run(main)


def test_a_stale_success_does_not_close_a_circuit_and_a_stale_failure_does_not_open_it() -> None:
    async def main() -> None:
        heard, gate = Heard(), Gate()
        pipe = pipeline(POLICY, listener=heard)
        early = [asyncio.create_task(pipe.call(gate)) for _ in range(2)]
        await settle()
        await open_circuit(pipe)
        await asyncio.sleep(10)
        probe = asyncio.create_task(pipe.call(gate))
        await settle()  # half-open, and the probe is out
        gate.waiting[0].set_result(OK)
        gate.waiting[1].set_result(BUSY)
        await asyncio.gather(*early)
        assert heard.without_attempts() == [Event.OPEN, Event.HALF_OPEN]
        gate.waiting[2].set_result(BUSY)
        assert await probe == BUSY
        assert heard.without_attempts() == [Event.OPEN, Event.HALF_OPEN, Event.OPEN]

    run(main)


def test_a_cancelled_call_is_not_a_failure() -> None:
    async def main() -> None:
        pipe = pipeline(POLICY)
        for _ in range(5):
            task = asyncio.create_task(pipe.call(Gate()))
            await settle()
            await cancel(task)
        assert await pipe.call(Callee(OK)) == OK

    run(main)


@pytest.mark.parametrize("end", ["cancelled", "raised", "ignored"])
def test_a_probe_that_tells_nothing_leaves_its_place_to_the_next(end: str) -> None:
    async def raises() -> Outcome[Any]:
        raise ZeroDivisionError

    async def main() -> None:
        heard, gate = Heard(), Gate()
        pipe = pipeline(POLICY, listener=heard)
        await open_circuit(pipe)
        await asyncio.sleep(10)
        if end == "cancelled":
            probe = asyncio.create_task(pipe.call(gate))
            await settle()
            await cancel(probe)
        elif end == "raised":
            with pytest.raises(ZeroDivisionError):
                await pipe.call(raises)
        else:  # as a limit inside the breaker would answer
            assert (await pipe.call(Callee(refused()))).flag is Flag.OVERFLOW
        assert heard.without_attempts() == [Event.OPEN, Event.HALF_OPEN]
        assert await pipe.call(Callee(OK)) == OK
        assert heard[-1] is Event.CLOSE

    run(main)


def test_what_was_refused_inside_does_not_count_either_way() -> None:
    async def main() -> None:
        pipe = pipeline(POLICY)
        for answer in (BUSY, refused(), BUSY, refused(), refused()):
            await pipe.call(Callee(answer))
        assert await pipe.call(Callee(OK)) == OK
        for answer in (BUSY, BUSY, refused(), BUSY):
            await pipe.call(Callee(answer))
        assert is_rejected(await pipe.call(Callee(OK)))

    run(main)


def test_a_try_cut_by_the_overall_deadline_is_a_failure_of_the_callee() -> None:
    async def main() -> None:
        pipe = pipeline(EdgePolicy(timeout=TimeoutPolicy(overall_s=0.1), breaker=POLICY.breaker))
        for _ in range(3):
            assert (await pipe.call(Callee(3600.0))).flag is Flag.TIMEOUT
        assert is_rejected(await pipe.call(Callee(OK)))

    run(main)


def test_the_wall_clock_is_not_asked_when_to_half_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        pipe = pipeline(POLICY)
        await open_circuit(pipe)
        circuit = pybreaker.CircuitOpenState
        monkeypatch.setattr(circuit, "before_call", lambda *_: pytest.fail("pybreaker asked its own clock"))
        await asyncio.sleep(10)
        assert await pipe.call(Callee(OK)) == OK

    run(main)


def test_a_success_with_nothing_to_forget_spares_pybreaker_and_one_with_something_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reports: list[object] = []
    original = pybreaker.CircuitBreaker.call

    def counted(self: pybreaker.CircuitBreaker, report: Any) -> Any:
        reports.append(report)
        return original(self, report)

    monkeypatch.setattr(pybreaker.CircuitBreaker, "call", counted)

    async def main() -> None:
        pipe = pipeline(POLICY)
        await pipe.call(Callee(OK))
        assert reports == []
        await pipe.call(Callee(BUSY))
        await pipe.call(Callee(OK))
        assert len(reports) == 2

    run(main)
