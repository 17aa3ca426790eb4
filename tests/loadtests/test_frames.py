"""The frames that arrivals carry."""

import json
from datetime import UTC, datetime

from loadtests.frames import CAMERAS, Frames, frame_of
from loadtests.schedule import CAMERAS as DRAWN
from loadtests.schedule import Load, arrivals
from services.airport.analysis import expected
from services.airport.messages import Frame

STARTED = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
SCHEDULE = arrivals(Load(pattern="constant", rate=100), 1, 0xBEEF, ["127.0.0.1:1"])


def test_the_application_accepts_every_frame() -> None:
    frames = Frames("beef", STARTED)
    for arrival in SCHEDULE:
        assert Frame.from_json(json.loads(frames.body(arrival))) == frames.frame(arrival)


def test_each_frame_has_an_id_of_its_own() -> None:
    frames = Frames("beef", STARTED)
    assert frames.id(SCHEDULE[42]) == "beef-42"
    assert len({frames.id(arrival) for arrival in SCHEDULE}) == len(SCHEDULE)


def test_a_frame_was_taken_when_it_was_meant_to_be_sent() -> None:
    assert Frames("beef", STARTED).frame(SCHEDULE[50]).timestamp == "2026-01-31T12:00:00.500000+00:00"


def test_what_must_be_stored_is_known_from_the_seed_alone() -> None:
    for arrival in SCHEDULE:
        known, sent = frame_of(arrival, 0xBEEF), Frames("beef", STARTED).frame(arrival)
        assert (known.id, known.section, expected(known)) == (sent.id, sent.section, expected(sent))


def test_photos_differ_from_arrival_to_arrival() -> None:
    assert len({frame_of(arrival, 1).image for arrival in SCHEDULE}) == len(SCHEDULE)


def test_every_camera_that_is_drawn_stands_somewhere() -> None:
    assert set(DRAWN) == set(CAMERAS)
