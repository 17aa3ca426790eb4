"""What comes with a request."""

from __future__ import annotations

import math

import pytest

from services.airport.messages import InvalidError
from services.runtime.incoming import choice, destination, span


def test_a_span_is_unbounded_where_it_is_not_given() -> None:
    assert span({}) == (-math.inf, math.inf)
    assert span({"from": "1970-01-01T00:00:10Z"}) == (10, math.inf)
    assert span({"from": "1970-01-01T01:00:00+01:00", "to": "1970-01-01T00:01:00Z"}) == (0, 60)


def test_both_bad_ends_of_a_span_are_named() -> None:
    with pytest.raises(InvalidError) as refused:
        span({"from": "yesterday", "to": "1970-01-01T00:00:00"})
    assert [error.split(":")[0] for error in refused.value.errors] == ["from", "to"]


def test_a_choice_names_the_choices() -> None:
    assert choice({"toggle": "on"}, "toggle", ("on", "off")) == "on"
    assert choice({}, "toggle", ("on", "off")) is None
    with pytest.raises(InvalidError, match="toggle: must be on or off"):
        choice({"toggle": "maybe"}, "toggle", ("on", "off"))
    with pytest.raises(InvalidError, match="toggle: must be on or off"):
        choice({}, "toggle", ("on", "off"), needed=True)


@pytest.mark.parametrize(
    ("url", "service", "path"),
    [
        ("http://alerts:8080/", "alerts", "/"),
        ("http://alerts", "alerts", "/"),
        ("http://collector.airport.svc.cluster.local:8080/frame", "collector", "/frame"),
    ],
)
def test_a_destination_is_a_service_and_a_path(url: str, service: str, path: str) -> None:
    assert destination(url) == (service, path)


@pytest.mark.parametrize(
    "url", ["alerts", "https://alerts:8080/", "http://alerts:99999/", "http://alerts:80/", "", "http://["]
)
def test_what_leads_to_no_service_is_no_destination(url: str) -> None:
    with pytest.raises(InvalidError, match="destination: must be"):
        destination(url)
