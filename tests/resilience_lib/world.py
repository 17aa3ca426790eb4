"""What these tests share: an event loop whose time passes only when nothing is left to do, and a scripted callee."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from resilience_lib import EdgePolicy, EndpointPipeline, EndpointPolicy, Event, Flag, Outcome, Pipeline

T = TypeVar("T")

OK = Outcome[Any](200)
BUSY = Outcome[Any](503)
UNREACHABLE = Outcome[Any](503, Flag.CONNECT_FAILURE, sent=False)
CLOSED = Outcome[Any](503, Flag.CLOSED)


class _Skipping(selectors.SelectSelector):
    """Where a real selector would wait, moves the loop's time on instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits, and nothing is due: a deadlock"
            self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a time of its own, from 0 s on."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Return virtual seconds."""
        return self._skipping.now


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `main` in virtual time, from 0 s on."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


def now() -> float:
    """Return the running loop's time, in s."""
    return asyncio.get_running_loop().time()


class Callee:
    """Plays a script, an entry for each try: an outcome, or seconds to hang, or what to await. The last one repeats."""

    def __init__(self, *script: Outcome[Any] | float | Callable[[], Awaitable[Outcome[Any]]]) -> None:
        self._script: Sequence[Outcome[Any] | float | Callable[[], Awaitable[Outcome[Any]]]] = script
        self.calls: list[float] = []

    async def __call__(self) -> Outcome[Any]:
        """Play the next step."""
        step = self._script[min(len(self.calls), len(self._script) - 1)]
        self.calls.append(now())
        if isinstance(step, Outcome):
            return step
        if isinstance(step, int | float):
            await asyncio.sleep(step)
            return OK
        return await step()


class Gate:
    """A callee whose answers are given by hand: one future for each try that has come in."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[Outcome[Any]]] = []

    async def __call__(self) -> Outcome[Any]:
        """Wait for the answer."""
        answer: asyncio.Future[Outcome[Any]] = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        return await answer


class Heard(list[Event]):
    """A listener that remembers."""

    def __call__(self, event: Event) -> None:
        """Remember `event`."""
        self.append(event)

    def without_attempts(self) -> list[Event]:
        """Return what policies did."""
        return [event for event in self if event is not Event.ATTEMPT]


def pipeline(policy: EdgePolicy, **others: Any) -> Pipeline:
    """Build a pipeline on the running loop's time."""
    return Pipeline(policy, **{"clock": now, **others})


async def settle() -> None:
    """Let every task run until it waits for something."""
    for _ in range(10):
        await asyncio.sleep(0)


class OneHost:
    """An EndpointPipeline before a single replica, called like a Pipeline."""

    def __init__(self, policy: EndpointPolicy, **others: Any) -> None:
        self._pipeline = EndpointPipeline(policy, [("10.0.0.1", 8080)], **{"clock": now, **others})
        self.endpoints = self._pipeline.endpoints

    async def call(self, transport: Callable[[], Awaitable[Outcome[Any]]], **others: Any) -> Outcome[Any]:
        """Make one call."""
        return await self._pipeline.call(lambda _: transport(), **others)


def by_the_engine(policy: EdgePolicy, **others: Any) -> OneHost:
    """Build the engine with what `policy` says, before a single replica."""
    return at_one_host(EndpointPolicy.of(policy), **others)


def at_one_host(policy: EndpointPolicy, **others: Any) -> OneHost:
    """Build the engine on the running loop's time, before a single replica."""
    return OneHost(policy, **others)
