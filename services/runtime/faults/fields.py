"""Reads the fields of a fault from JSON, and gathers what is wrong with all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class BadFault(ValueError):
    """A fault cannot be set; `errors` has a sentence for each bad field."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


class Fields:
    """The fields of one fault. What was never asked for is no field of it, and `unknown` says so."""

    def __init__(self, spec: Mapping[str, Any], common: Iterable[str]) -> None:
        self._spec, self._common = spec, frozenset(common)
        self._asked: set[str] = set()
        self.errors: list[str] = []

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """Read a number above `low`, up to `high`."""
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low < value <= high:
            self.errors.append(f"{name}: must be a number above {low:g}, up to {high:g}")
            return 0.0
        return float(value)

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Read a whole number from `low` to `high`."""
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.errors.append(f"{name}: must be a whole number from {low} to {high}")
            return 0
        return value

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Read one of a few words."""
        value = self._get(name, default)
        if value not in choices:
            self.errors.append(f"{name}: must be one of {', '.join(choices)}")
            return default
        return str(value)

    def text(self, name: str) -> str | None:
        """Read a text that may be left out, or null."""
        value = self._get(name, None)
        if value is not None and (not isinstance(value, str) or not value):
            self.errors.append(f"{name}: must be a text, or left out")
            return None
        return value

    def flag(self, name: str) -> bool:
        """Read a true or false that may be left out for false."""
        value = self._get(name, False)
        if not isinstance(value, bool):
            self.errors.append(f"{name}: must be true or false")
        return value is True

    def rate(self) -> float:
        """Read the share of the requests that are struck."""
        return self.number("rate", 0, 1)

    def status(self) -> int:
        """Read the status of an error."""
        value = self._get("status", None)
        if not _is_error(value):
            self.errors.append("status: must be a whole number from 400 to 599")
            return 0
        return int(value)

    def statuses(self) -> tuple[int, ...]:
        """Read a script of statuses; 200 lets a request through."""
        value = self._get("statuses", None)
        if not isinstance(value, list) or not value or not all(_is_error(entry) or entry == 200 for entry in value):
            self.errors.append("statuses: must be a list of at least one of 200 or 400 to 599")
            return ()
        return tuple(value)

    def late(self) -> bool:
        """Read whether a fault acts once business code has worked, so that what it stored stays stored."""
        return self.choice("when", ("before", "after"), "before") == "after"

    def unknown(self) -> list[str]:
        """A sentence for each field that this kind does not have."""
        kind, has = self._spec.get("kind"), ", ".join(sorted(self._asked)) or "none of its own"
        left = sorted(set(self._spec) - self._asked - self._common)
        return [f"{name}: is no field of {kind} (it has {has})" for name in left]

    def _get(self, name: str, default: object) -> Any:
        self._asked.add(name)
        return self._spec.get(name, default)


def _is_error(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599
