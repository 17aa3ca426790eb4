"""Header operations -> Envoy's lists (core/route/route.go, TranslateHeadersOperations)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from istio.objects.route_actions import HeaderOperations, Headers


@dataclass(frozen=True, slots=True)
class HeaderChanges:
    """Envoy's four lists, and the host that a request is to carry instead of its own."""

    request_add: tuple[Mapping[str, Any], ...] = ()
    request_remove: tuple[str, ...] = ()
    response_add: tuple[Mapping[str, Any], ...] = ()
    response_remove: tuple[str, ...] = ()
    host: str = ""

    def then(self, more: HeaderChanges) -> HeaderChanges:
        """Return these changes and then those of a destination; the first host wins."""
        return HeaderChanges(
            self.request_add + more.request_add,
            self.request_remove + more.request_remove,
            self.response_add + more.response_add,
            self.response_remove + more.response_remove,
            self.host or more.host,
        )

    def fields(self) -> dict[str, Any]:
        """Return the lists that are not empty, as fields of a route or of a weighted cluster."""
        lists = {
            "request_headers_to_add": self.request_add,
            "request_headers_to_remove": self.request_remove,
            "response_headers_to_add": self.response_add,
            "response_headers_to_remove": self.response_remove,
        }
        return {name: list(one) for name, one in lists.items() if one}


def header_changes(headers: Headers | None) -> HeaderChanges:
    """Translate header operations; names that belong to HTTP itself cannot be changed, except a request's host."""
    request = (headers.request if headers else None) or HeaderOperations()
    response = (headers.response if headers else None) or HeaderOperations()
    return HeaderChanges(
        _to_add(request),
        _to_remove(request),
        _to_add(response),
        _to_remove(response),
        next((value for name, value in (request.set | request.add).items() if _names_the_host(name)), ""),
    )


def _to_add(operations: HeaderOperations) -> tuple[Mapping[str, Any], ...]:
    """Set, then add. Appending is Envoy's zero value, which istiod's JSON does not write."""
    overwritten = tuple(
        {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for name, value in sorted(operations.set.items())
        if not _is_internal(name)
    )
    appended = tuple(
        {"header": {"key": name, "value": value}}
        for name, value in sorted(operations.add.items())
        if not _is_internal(name)
    )
    return overwritten + appended


def _to_remove(operations: HeaderOperations) -> tuple[str, ...]:
    return tuple(name for name in operations.remove if not _is_internal(name))


def _is_internal(name: str) -> bool:
    return name.startswith(":") or name.lower() == "host"


def _names_the_host(name: str) -> bool:
    return name.lower() in ("host", ":authority")
