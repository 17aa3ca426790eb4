"""What the control panel controls: cameras and sections, by id."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.airport.messages import EVENTS, InvalidError
from services.runtime.incoming import destination


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera at the entry or exit (`type`) of a section; `service` answers at its URL."""

    service: str
    section: int
    type: str


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration, checked; `document` is the JSON that it was read from, `sections` maps ids to services."""

    document: dict[str, Any]
    cameras: dict[int, Camera]
    sections: dict[int, str]

    @classmethod
    def from_json(cls, value: object) -> Config:
        """Read a configuration; raises InvalidError with all that is wrong."""
        if not isinstance(value, dict):
            raise InvalidError(["config: must be a JSON object"])
        errors: list[str] = []
        cameras, sections = {}, {}
        for where, item in _items(value, "cameras", errors):
            service = _service(where, item, errors)
            section, kind = _whole(where, item, "section", errors), item.get("type")
            if kind not in EVENTS:
                errors.append(f"{where}.type: must be one of {', '.join(EVENTS)}")
            cameras[_whole(where, item, "id", errors)] = Camera(service, section, str(kind))
        for where, item in _items(value, "sections", errors):
            sections[_whole(where, item, "id", errors)] = _service(where, item, errors)
        if errors:
            raise InvalidError(errors)
        return cls(value, cameras, sections)

    @classmethod
    def from_file(cls, path: Path) -> Config:
        """Read a configuration file; raises InvalidError."""
        try:
            return cls.from_json(json.loads(path.read_text()))
        except InvalidError as error:
            raise InvalidError([f"{path}: {each}" for each in error.errors]) from error
        except (OSError, ValueError) as error:
            raise InvalidError([f"{path}: {error}"]) from error


def _items(value: dict[str, Any], name: str, errors: list[str]) -> list[tuple[str, dict[str, Any]]]:
    items = value.get(name)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        errors.append(f"config.{name}: must be a list of objects")
        return []
    return [(f"config.{name}[{index}]", item) for index, item in enumerate(items)]


def _whole(where: str, item: dict[str, Any], name: str, errors: list[str]) -> int:
    value = item.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    errors.append(f"{where}.{name}: must be a whole number, 0 or more")
    return 0


def _service(where: str, item: dict[str, Any], errors: list[str]) -> str:
    try:
        return destination(str(item.get("url")), f"{where}.url").service
    except InvalidError as error:
        errors += error.errors
        return ""
