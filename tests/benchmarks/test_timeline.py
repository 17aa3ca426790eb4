"""A cell's timeline: every source on the clock of the load."""

from typing import Any

from benchmarks.record import Moment
from benchmarks.timeline import timeline
from istio.ejections import Ejection
from tests.benchmarks.test_edges import pod

PODS = [pod("collector-0", "collector"), pod("image-analysis-0", "image-analysis")]


def notes(**of: Any) -> dict[str, Any]:
    return {"events": [], "received": {}, **of}


def test_a_breakers_moment_is_told_on_the_clock_of_the_load() -> None:
    found = timeline(PODS, [{"collector-0": notes(events=[[1003.5, "image-analysis", "open"]])}], {}, 1000, 1010, 0)
    assert found.moments == (Moment(at=3.5, pod="collector-0", edge="collector->image-analysis", kind="open"),)


def test_a_sidecars_ejection_is_brought_from_the_wall_clock() -> None:
    ejections = {"collector-0": [Ejection(5002.0, "image-analysis", "127.0.0.1:1", "ejection")]}
    found = timeline(PODS, [], ejections, 1000, 1010, offset=-4000)
    assert found.moments == (Moment(at=2.0, pod="collector-0", edge="collector->image-analysis", kind="ejection"),)


def test_what_was_before_or_after_the_load_is_left_out() -> None:
    noted = notes(
        events=[[999.0, "image-analysis", "open"], [1010.0, "image-analysis", "close"]],
        received={"collector": [[999.75, 4], [1010.0, 4]]},
    )
    found = timeline(PODS, [{"image-analysis-0": noted}], {}, 1000, 1010, 0)
    assert found.moments == ()
    assert found.received == {}


def test_a_killed_replicas_requests_are_added_to_those_after_its_restart() -> None:
    before = {"image-analysis-0": notes(received={"collector": [[1000.0, 2], [1001.0, 3]]})}
    after = {"image-analysis-0": notes(received={"collector": [[1001.0, 1]]})}
    found = timeline(PODS, [after, before], {}, 1000, 1010, 0)
    assert found.received == {"collector->image-analysis": ((0.0, 2), (1.0, 4))}


def test_the_harness_own_calls_are_no_edge() -> None:
    found = timeline(PODS, [{"collector-0": notes(received={"unknown": [[1001.0, 9]]})}], {}, 1000, 1010, 0)
    assert found.received == {}
