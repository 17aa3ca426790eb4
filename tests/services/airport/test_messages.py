"""Messages: what is read back, and how bad ones are refused."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.airport.messages import EVENTS, Alert, Frame, InvalidError, Person, Statistics, moment
from services.airport.photo import encoded
from tests.services.scripted import NOON, frame

words = st.text(min_size=1, max_size=20)
wheres = st.fixed_dictionaries(
    {
        "timestamp": st.datetimes(timezones=st.timezones()).map(lambda when: when.isoformat()),
        "section": st.integers(0, 99),
        "event": st.sampled_from(EVENTS),
    }
)


@given(id=words, where=wheres, seed=st.integers(), destination=st.none() | words, extra=st.none() | words)
def test_a_frame_survives_its_json(
    id: str,  # noqa: A002 - the field's name
    where: dict[str, Any],
    seed: int,
    destination: str | None,
    extra: str | None,
) -> None:
    made = Frame(id=id, image=encoded(seed), destination=destination, extra_info=extra, **where)
    assert Frame.from_json(made.to_json()) == made


@given(id=words, where=wheres, persons=st.lists(st.builds(Person, words, words)), seed=st.none() | st.integers())
def test_statistics_survive_their_json(
    id: str,  # noqa: A002 - the field's name
    where: dict[str, Any],
    persons: list[Person],
    seed: int | None,
) -> None:
    image = None if seed is None else encoded(seed)
    made = Statistics(frame=id, persons=tuple(persons), image=image, **where)
    assert Statistics.from_json(made.to_json()) == made


@given(id=words, where=wheres, names=st.lists(words, min_size=1))
def test_an_alert_survives_its_json(id: str, where: dict[str, Any], names: list[str]) -> None:  # noqa: A002
    made = Alert(frame=id, image=encoded(0), names=tuple(names), **where)
    assert Alert.from_json(made.to_json()) == made


def test_every_bad_field_is_named_at_once() -> None:
    bad = {"id": "", "timestamp": "2026-01-31T12:00:00", "section": True, "event": "left", "image": "*"}
    with pytest.raises(InvalidError) as refused:
        Frame.from_json(bad)
    fields = [error.split(":")[0] for error in refused.value.errors]
    assert fields == ["frame.id", "frame.timestamp", "frame.section", "frame.event", "frame.image"]


def test_a_bad_person_is_named_by_its_place_in_the_list() -> None:
    message = {**Statistics("f", NOON, 1, "exit", ()).to_json(), "persons": [{"age": "8-12", "gender": "male"}, {}, 7]}
    with pytest.raises(InvalidError) as refused:
        Statistics.from_json(message)
    fields = sorted(error.split(":")[0] for error in refused.value.errors)
    assert fields == ["statistics.persons[1].age", "statistics.persons[1].gender", "statistics.persons[2]"]


def test_an_alert_about_nobody_is_refused() -> None:
    message = {**Alert("f", NOON, 1, "exit", encoded(0), ("A",)).to_json(), "persons": []}
    with pytest.raises(InvalidError, match="at least one person"):
        Alert.from_json(message)


@pytest.mark.parametrize("value", [None, [], "frame", 3])
def test_what_is_no_object_is_no_message(value: object) -> None:
    with pytest.raises(InvalidError, match="must be a JSON object"):
        Frame.from_json(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["id", "frame", "timestamp", "section", "event", "image", "persons"]), inner
            )
            | st.lists(inner)
        ),
    )
)
def test_whatever_comes_is_read_or_refused_and_nothing_else(value: object) -> None:
    for kind in (Frame, Statistics, Alert):
        with suppress(InvalidError):
            kind.from_json(value)


def test_a_photo_is_decoded_from_the_frame() -> None:
    assert frame(3).photo().startswith(b"\xff\xd8")


def test_a_moment_without_a_zone_means_nothing() -> None:
    with pytest.raises(ValueError, match="zone"):
        moment("2026-01-31T12:00:00")
