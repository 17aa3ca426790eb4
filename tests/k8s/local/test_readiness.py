from __future__ import annotations

from pathlib import Path

from k8s.local.readiness import Readiness
from tests.k8s.local.pods import pod
from tests.k8s.waiting import until


async def test_what_is_held_is_told_as_it_was_even_of_pods_that_are_gone(tmp_path: Path) -> None:
    ill, gone, fresh = (pod("front", number, tmp_path) for number in range(3))
    pods = [ill, gone]
    readiness = Readiness(lambda: pods, lambda: None)
    readiness.hold(60)
    ill.app.ready = False
    pods[1] = fresh
    assert readiness.ready() == [ill, gone]
    readiness.release()
    assert readiness.ready() == [fresh]


async def test_a_hold_is_over_after_its_time_and_that_is_told_once(tmp_path: Path) -> None:
    released: list[bool] = []
    one = pod("front", 0, tmp_path)
    readiness = Readiness(lambda: [one], lambda: released.append(readiness.held))
    readiness.hold(0.01)
    await until(lambda: not readiness.held)
    readiness.release()
    assert released == [False]


async def test_of_two_holds_the_newest_time_counts_and_the_first_is_over(tmp_path: Path) -> None:
    one = pod("front", 0, tmp_path)
    readiness = Readiness(lambda: [one], lambda: None)
    readiness.hold(60)
    readiness.withheld, one.app.ready = 3, False
    readiness.hold(0.01)
    assert (readiness.ready(), readiness.withheld) == ([], 0)
    await until(lambda: not readiness.held)
