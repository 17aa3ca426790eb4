"""What is read of a world at the ends of phases, and what is made of it."""

from __future__ import annotations

from typing import cast

import pytest

from benchmarks.usage import BEGINNING, Readings, spent
from k8s.target import KindUsage, TargetError, Usage, World


class Burning:
    """A world that has used another second of CPU, and holds another byte, at every reading."""

    def __init__(self, tells: int = 99) -> None:
        self.read, self.tells = 0, tells

    async def usage(self) -> Usage:
        self.read += 1
        if self.read > self.tells:
            raise TargetError("the warden of alerts-0 does not answer")
        return Usage(KindUsage(float(self.read), self.read, self.read), KindUsage())


async def test_a_phase_has_what_was_spent_since_the_reading_before_and_what_is_held_at_its_own() -> None:
    readings = Readings(cast("World", Burning()))
    for moment in (BEGINNING, "steady", "fault"):
        await readings.take(moment)
    found = await readings.by_phase()
    assert list(found) == ["steady", "fault"]
    assert found["fault"]["app"] == {"cpu_s": 1.0, "rss": 3, "pss": 3}


async def test_a_moment_is_read_once() -> None:
    world = Burning()
    readings = Readings(cast("World", world))
    assert readings.take("fault") is readings.take("fault")
    await readings.take("fault")
    assert world.read == 1


async def test_a_world_that_does_not_tell_is_heard_of_when_its_usage_is_asked_for() -> None:
    readings = Readings(cast("World", Burning(tells=1)))
    for moment in (BEGINNING, "steady"):
        readings.take(moment)
    with pytest.raises(TargetError, match="alerts-0"):
        await readings.by_phase()


async def test_no_reading_is_left_running() -> None:
    readings = Readings(cast("World", Burning()))
    reading = readings.take(BEGINNING)
    await readings.stop()
    assert reading.cancelled()


def test_cpu_is_what_the_cell_spent_and_memory_what_it_has_at_its_end() -> None:
    before = Usage(app=KindUsage(10.0, 100, 50), proxy=KindUsage(1.0, 10, 5))
    after = Usage(app=KindUsage(11.5, 120, 60), proxy=KindUsage(1.25, 11, 6))
    assert spent(before, after) == {
        "app": {"cpu_s": 1.5, "rss": 120, "pss": 60},
        "proxy": {"cpu_s": 0.25, "rss": 11, "pss": 6},
    }
