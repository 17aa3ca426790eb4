"""One schedule, shared out: nothing is lost, doubled or moved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from loadtests.schedule import Load, arrivals
from loadtests.shares import room, share

WORKERS = some.integers(1, 9)


@given(WORKERS, some.integers(0, 2**31), some.sampled_from(["poisson", "constant"]))
def test_the_shares_of_all_workers_are_the_schedule(workers: int, seed: int, pattern: str) -> None:
    load = Load.model_validate({"rate": 40, "pattern": pattern})
    scheduled = arrivals(load, 2.0, seed, ("a:1", "b:2"))
    shares = [share(scheduled, number, workers) for number in range(workers)]
    assert sorted((each for part in shares for each in part), key=lambda each: each.index) == scheduled
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(WORKERS, some.integers(1, 900))
def test_the_rooms_of_all_workers_are_the_whole_room_and_nobody_has_none(workers: int, capacity: int) -> None:
    rooms = [room(capacity, number, workers) for number in range(workers)]
    assert sum(rooms) == max(capacity, workers)
    assert min(rooms) >= 1
