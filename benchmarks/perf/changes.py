"""How soon a change of the Istio objects is in effect, and whether the calls that meet it notice anything else of it.

Calls enter through the gateway of a whole world at a constant rate, open loop. Each change is of one kind of object and
also gives the gateway's route a new number, which every answer then carries: a change is in effect when the first
answer with its number is back. Every kind that can change under load without changing what callers are owed is tried.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.perf import edge_objects as edge
from k8s.local.target import LocalTarget
from k8s.render import render
from k8s.target import Document, MeshOptions, World

GENERATION = "x-generation"
PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Change:
    """What is applied together, and what is deleted with it; `kind` names what it is a change of."""

    kind: str
    apply: Sequence[Document]
    delete: Sequence[Document] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One call: when it was due and answered (loop time, s), its status (0: none came) and the number it carried."""

    due: float
    end: float
    status: int
    generation: int


@dataclass(frozen=True, slots=True)
class Effect:
    """One change: seconds until `apply` was back, and until the first answer showed it."""

    kind: str
    applied_s: float
    seen_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """The changes of one kind, or of all: how many, and how many milliseconds until an answer showed them.

    `applied_ms`: until `apply` was back, which waits for every sidecar of the world; a median.
    """

    name: str
    rounds: int
    median_ms: float
    slowest_ms: float
    applied_ms: float


@dataclass(slots=True)
class Outcome:
    """What became of all changes, and of all calls."""

    effects: list[Effect] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    @property
    def failed(self) -> list[Answer]:
        """The calls that got anything but 200."""
        return [one for one in self.answers if one.status != 200]

    def rows(self) -> list[Row]:
        """A row for each kind, in the order in which they were tried, and one for all changes together."""
        names = dict.fromkeys(one.kind for one in self.effects)
        groups = [(name, [one for one in self.effects if one.kind == name]) for name in names]
        return [_row(name, group) for name, group in (*groups, ("all", self.effects))]


def _row(name: str, effects: Sequence[Effect]) -> Row:
    seen = [one.seen_s * 1000 for one in effects]
    applied = statistics.median(one.applied_s * 1000 for one in effects)
    return Row(name, len(seen), statistics.median(seen), max(seen), applied)


def changes(count: int) -> Iterator[Change]:
    """`count` changes, all kinds in turn; number n gives answers the generation n."""
    kinds = itertools.cycle(edge.KINDS)
    for number in range(1, count + 1):
        kind = next(kinds)
        yield Change(kind.name, [edge.route(GENERATION, number, kind.subsets), *kind.apply], kind.delete)


async def measure(count: int, rate: float, state: Path, done: Callable[[Effect], None] = lambda _: None) -> Outcome:
    """Start a world, apply `count` changes one after the other under `rate` calls a second, and end it.

    Raises:
        TargetError: the world does not start, or a change is refused.
        TimeoutError: a change was never seen.

    """
    rendered = render("mesh", mesh=MeshOptions(gateway=True))
    world = await LocalTarget(state).up("perf-changes", rendered, attached=True, seed=1)
    try:
        gateway = (await world.status()).gateway
        if gateway is None:
            raise RuntimeError("a world that was asked for a gateway has one")
        return await through(world, f"http://{gateway.http}/status", changes(count), rate, done)
    finally:
        await world.down()


async def through(
    world: World, url: str, wanted: Iterable[Change], rate: float, done: Callable[[Effect], None] = lambda _: None
) -> Outcome:
    """Apply changes to a running world under load."""
    outcome = Outcome()
    async with _load(url, rate, outcome.answers) as news:
        for number, change in enumerate(wanted, start=1):
            outcome.effects.append(await _apply(world, change, number, outcome.answers, news))
            done(outcome.effects[-1])
    return outcome


async def _apply(world: World, change: Change, number: int, answers: list[Answer], news: asyncio.Condition) -> Effect:
    began, known = time.perf_counter(), len(answers)

    def first() -> Answer | None:
        return next((one for one in answers[known:] if one.generation == number), None)

    if change.delete:
        await world.delete(change.delete)
    await world.apply(change.apply)
    applied = time.perf_counter()
    async with asyncio.timeout(PATIENCE_S), news:
        # It may have been seen at the edge before the last sidecar had taken it.
        while not (seen := first()):
            await news.wait()
    return Effect(change.kind, applied - began, seen.end - began)


@contextlib.asynccontextmanager
async def _load(url: str, rate: float, answers: list[Answer]) -> AsyncIterator[asyncio.Condition]:
    """Send at fixed times, whatever the answers do; every call that was sent is waited for in the end."""
    news = asyncio.Condition()
    connector, limit = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(connector=connector, timeout=limit) as http:

        async def call(due: float) -> None:
            status, generation = 0, 0
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(url) as answer:
                    await answer.read()
                    status, generation = answer.status, int(answer.headers.get(GENERATION, 0))
            answers.append(Answer(due, time.perf_counter(), status, generation))
            async with news:
                news.notify_all()

        async def send() -> None:
            began = time.perf_counter()
            async with asyncio.TaskGroup() as calls:
                for number in itertools.count():
                    due = began + number / rate
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                    if over.is_set():
                        return
                    calls.create_task(call(due))

        over = asyncio.Event()
        sending = asyncio.create_task(send())
        try:
            yield news
        finally:
            over.set()
            await sending
