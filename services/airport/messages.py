"""The messages of the airport: Frame, Statistics, Alert, and how they are read from JSON.

Each `from_json` raises InvalidError with a sentence for every bad field at once. Unknown fields are ignored,
so that an older service understands a newer one.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

T = TypeVar("T")

EVENTS = ("entry", "exit")
MAX_ID = 200
"""Longest frame id, in characters: an id is a key of every store."""


class InvalidError(ValueError):
    """A message is not what it should be; `errors` has a sentence for each bad field."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Frame:
    """One photo of a camera. `image` is base64, `timestamp` ISO 8601 with zone, `destination` where alerts go (URL)."""

    id: str
    timestamp: str
    section: int
    event: str
    image: str
    destination: str | None = None
    extra_info: object = None

    @classmethod
    def from_json(cls, value: object) -> Frame:
        """Read a frame; raises InvalidError."""
        fields = _Fields(value, "frame")
        frame = cls(
            id=fields.key("id"),
            timestamp=fields.timestamp("timestamp"),
            section=fields.whole("section"),
            event=fields.event(),
            image=fields.image(),
            destination=fields.optional_text("destination"),
            extra_info=fields.raw("extra-info"),
        )
        fields.check()
        return frame

    def to_json(self) -> dict[str, Any]:
        """Return the frame as JSON; optional fields only when set."""
        optional = {"destination": self.destination, "extra-info": self.extra_info}
        return {
            "id": self.id,
            "timestamp": self.timestamp,
            "section": self.section,
            "event": self.event,
            "image": self.image,
            **{name: value for name, value in optional.items() if value is not None},
        }

    def photo(self) -> bytes:
        """Decode the image."""
        return base64.b64decode(self.image)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone seen on a frame: an age group such as `25-32`, and a gender."""

    age: str
    gender: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """Who was on the frame `frame`; nobody is an answer too. `image` (base64) only travels to the control panel."""

    frame: str
    timestamp: str
    section: int
    event: str
    persons: tuple[Person, ...]
    image: str | None = None

    @classmethod
    def from_json(cls, value: object) -> Statistics:
        """Read statistics; raises InvalidError."""
        fields = _Fields(value, "statistics")
        persons = tuple(
            Person(person.text("age"), person.text("gender")) for person in fields.objects("persons", "person")
        )
        statistics = cls(
            frame=fields.key("frame"),
            timestamp=fields.timestamp("timestamp"),
            section=fields.whole("section"),
            event=fields.event(),
            persons=persons,
            image=fields.image() if fields.raw("image") is not None else None,
        )
        fields.check()
        return statistics

    def to_json(self) -> dict[str, Any]:
        """Return the statistics as JSON; each person repeats section, event and timestamp for its readers."""
        where = {"section": self.section, "event": self.event, "timestamp": self.timestamp}
        persons = [{"age": person.age, "gender": person.gender, **where} for person in self.persons]
        message = {"frame": self.frame, **where, "persons": persons}
        return message if self.image is None else {**message, "image": self.image}

    def with_image(self, image: str) -> Statistics:
        """Return the same with the photo they were read from."""
        return replace(self, image=image)


@dataclass(frozen=True, slots=True)
class Alert:
    """Persons of interest (names) on the frame `frame`, with its photo (base64)."""

    frame: str
    timestamp: str
    section: int
    event: str
    image: str
    names: tuple[str, ...]

    @classmethod
    def from_json(cls, value: object) -> Alert:
        """Read an alert; raises InvalidError."""
        fields = _Fields(value, "alert")
        names = tuple(person.text("name") for person in fields.objects("persons", "person"))
        if not names and not fields.errors:
            fields.errors.append("alert.persons: must name at least one person")
        alert = cls(
            frame=fields.key("frame"),
            timestamp=fields.timestamp("timestamp"),
            section=fields.whole("section"),
            event=fields.event(),
            image=fields.image(),
            names=names,
        )
        fields.check()
        return alert

    def to_json(self) -> dict[str, Any]:
        """Return the alert as JSON."""
        return {
            "frame": self.frame,
            "timestamp": self.timestamp,
            "section": self.section,
            "event": self.event,
            "image": self.image,
            "persons": [{"name": name} for name in self.names],
        }


def moment(text: str) -> datetime:
    """Return the moment that an ISO 8601 text with zone means; raises ValueError without a zone."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("no zone")
    return when


class _Fields:
    """Reads the fields of one JSON object, and gathers what is wrong with them."""

    def __init__(self, value: object, where: str, errors: list[str] | None = None) -> None:
        self.errors = errors if errors is not None else []
        self._where = where
        self._value: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            raise InvalidError([*self.errors, f"{where}: must be a JSON object"])

    def check(self) -> None:
        if self.errors:
            raise InvalidError(self.errors)

    def raw(self, name: str) -> Any:
        return self._value.get(name)

    def text(self, name: str) -> str:
        value = self.raw(name)
        if isinstance(value, str) and value:
            return value
        return self._bad(name, "must be a text that is not empty", "")

    def optional_text(self, name: str) -> str | None:
        return None if self.raw(name) is None else self.text(name)

    def key(self, name: str) -> str:
        value = self.text(name)
        return value if len(value) <= MAX_ID else self._bad(name, f"must have at most {MAX_ID} characters", "")

    def whole(self, name: str) -> int:
        value = self.raw(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        return self._bad(name, "must be a whole number, 0 or more", 0)

    def timestamp(self, name: str) -> str:
        value = self.raw(name)
        try:
            moment(value)
        except (TypeError, ValueError):
            return self._bad(name, "must be ISO 8601 with zone, such as 2026-01-31T12:00:00+00:00", "")
        return str(value)

    def event(self) -> str:
        value = self.raw("event")
        if isinstance(value, str) and value in EVENTS:
            return value
        return self._bad("event", f"must be one of {', '.join(EVENTS)}", "")

    def image(self) -> str:
        value = self.raw("image")
        try:
            if base64.b64decode(value, validate=True):
                return str(value)
        except (TypeError, ValueError):
            pass
        return self._bad("image", "must be base64 of at least one byte", "")

    def objects(self, name: str, item: str) -> list[_Fields]:
        value = self.raw(name)
        if not isinstance(value, list):
            self._bad(name, f"must be a list, one object for each {item}", "")
            return []
        found = []
        for index, entry in enumerate(value):
            if isinstance(entry, dict):
                found.append(_Fields(entry, f"{self._where}.{name}[{index}]", self.errors))
            else:
                self._bad(f"{name}[{index}]", "must be a JSON object", "")
        return found

    def _bad(self, name: str, reason: str, instead: T) -> T:
        self.errors.append(f"{self._where}.{name}: {reason}")
        return instead
