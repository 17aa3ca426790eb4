"""What is seen on photos: a law of their bytes, in the proportions that the scenarios need."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.airport.analysis import alert_of, expected, interest_on, persons_on, statistics_of
from services.airport.photo import photo
from tests.services.scripted import frame

PHOTOS = [photo(seed) for seed in range(2000)]


@given(st.integers())
def test_what_the_services_answer_is_what_is_expected(seed: int) -> None:
    one = frame(seed)
    alert = alert_of(one)
    assert expected(one).persons == len(statistics_of(one).persons)
    assert expected(one).alert_names == (alert.names if alert else ())
    assert statistics_of(one).frame == one.id
    assert alert is None or alert.frame == one.id


@given(st.binary())
def test_never_more_persons_of_interest_than_persons(image: bytes) -> None:
    assert 0 <= len(interest_on(image)) <= len(persons_on(image)) <= 4


def test_each_number_of_persons_from_none_to_four_is_as_likely() -> None:
    counts = Counter(len(persons_on(image)) for image in PHOTOS)
    assert set(counts) == {0, 1, 2, 3, 4}
    assert all(0.16 < count / len(PHOTOS) < 0.24 for count in counts.values())


def test_about_a_quarter_of_photos_shows_a_person_of_interest() -> None:
    assert 0.21 < sum(bool(interest_on(image)) for image in PHOTOS) / len(PHOTOS) < 0.29
