"""What can be seen on a photo, derived from its bytes alone.

The hash of a photo decides, so every replica gives the same answer, a frame sent twice gives it twice, and the harness
computes beforehand what must be stored for each frame that it sends.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from services.airport.messages import Alert, Frame, Person, Statistics

AGES = ("0-2", "4-6", "8-12", "15-20", "25-32", "38-43", "48-53", "60-100")
GENDERS = ("female", "male")
NAMES = ("Alice Moor", "Bo Lindqvist", "Carla Reyes", "Dmitri Volkov", "Eve Okafor", "Farid Haddad")
MOST_PERSONS = 4
INTEREST = 80
"""Of 256 photos with somebody on them, this many show a person of interest: 4/5 * 80/256 = a quarter of all."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What one frame must leave behind: `persons` in its section's record, and an alert naming `alert_names`."""

    persons: int
    alert_names: tuple[str, ...]


def persons_on(image: bytes) -> tuple[Person, ...]:
    """Return the 0 to 4 persons on a photo."""
    digest = hashlib.sha256(image).digest()
    count = digest[0] % (MOST_PERSONS + 1)
    return tuple(
        Person(AGES[age % len(AGES)], GENDERS[gender % len(GENDERS)])
        for age, gender in zip(digest[4 : 4 + count], digest[12 : 12 + count], strict=True)
    )


def interest_on(image: bytes) -> tuple[str, ...]:
    """Return the names of the persons of interest on a photo: none, one, or two where there are two."""
    digest = hashlib.sha256(image).digest()
    persons = digest[0] % (MOST_PERSONS + 1)
    if persons == 0 or digest[1] >= INTEREST:
        return ()
    first = digest[2] % len(NAMES)
    count = min(persons, 1 + digest[3] % 2)
    return tuple(NAMES[(first + index) % len(NAMES)] for index in range(count))


def statistics_of(frame: Frame) -> Statistics:
    """Count who is on the frame."""
    return Statistics(frame.id, frame.timestamp, frame.section, frame.event, persons_on(frame.photo()))


def alert_of(frame: Frame) -> Alert | None:
    """Return the alert that the frame gives rise to, if any."""
    names = interest_on(frame.photo())
    return Alert(frame.id, frame.timestamp, frame.section, frame.event, frame.image, names) if names else None


def expected(frame: Frame) -> Expected:
    """Say what must be stored for the frame once it is acknowledged."""
    image = frame.photo()
    return Expected(len(persons_on(image)), interest_on(image))
