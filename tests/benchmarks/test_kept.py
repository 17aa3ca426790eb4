"""What a pod had counted is added once for each of its deaths, and not when it lived on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from benchmarks.kept import Kept
from benchmarks.pods import Pods


class Pod:
    """A pod and its world: it can be started again, and then counts from zero."""

    name = "a-0"

    def __init__(self) -> None:
        self.restarts, self.count = 0, 0

    async def status(self) -> Any:
        return SimpleNamespace(pods=(SimpleNamespace(name=self.name, restarts=self.restarts),))

    def kept(self, monkeypatch: Any) -> Kept:
        async def counted(_: Pods) -> dict[str, Any]:
            return {self.name: {"received": {"b": self.count}}}

        monkeypatch.setattr(Pods, "counters", counted)
        monkeypatch.setattr(Pods, "timelines", counted)
        return Kept(cast(Any, self), Pods(cast(Any, None), []))

    def die(self) -> None:
        self.restarts, self.count = self.restarts + 1, 0


async def test_each_death_gives_back_what_was_counted_before_it(monkeypatch: Any) -> None:
    pod = Pod()
    kept = pod.kept(monkeypatch)
    for counted in (5, 7):
        pod.count = counted
        await kept.keep([pod.name])
        pod.die()
    assert [note.counters["received"]["b"] for note in await kept.lost()] == [5, 7]


async def test_a_pod_that_lived_on_gives_nothing_back(monkeypatch: Any) -> None:
    pod = Pod()
    kept = pod.kept(monkeypatch)
    pod.count = 5
    await kept.keep([pod.name])
    assert await kept.lost() == []


async def test_a_pod_that_was_scaled_away_gives_back_what_it_had_counted(monkeypatch: Any) -> None:
    pod = Pod()
    kept = pod.kept(monkeypatch)
    pod.count = 5
    await kept.keep([pod.name])
    pod.name = "b-0"
    assert [note.counters["received"]["b"] for note in await kept.lost()] == [5]


async def test_a_pod_noted_twice_and_killed_once_gives_back_the_later_note(monkeypatch: Any) -> None:
    pod = Pod()
    kept = pod.kept(monkeypatch)
    for counted in (5, 7):
        pod.count = counted
        await kept.keep([pod.name])
    pod.die()
    assert [note.counters["received"]["b"] for note in await kept.lost()] == [7]
