"""Request ids and trace context: taken, made, and passed on."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.runtime.context import deadline, enter, outgoing_headers

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_ids_that_came_are_passed_on_with_a_span_of_this_service() -> None:
    enter({"x-request-id": "r-1", "traceparent": PARENT, "tracestate": "a=b"})
    headers = outgoing_headers()
    version, trace, span, flags = headers["traceparent"].split("-")
    assert (headers["x-request-id"], version, trace, flags) == ("r-1", "00", TRACE, "01")
    assert span != "00f067aa0ba902b7"
    assert headers["tracestate"] == "a=b"


def test_what_did_not_come_is_made_once_for_a_request() -> None:
    enter({})
    assert outgoing_headers() == outgoing_headers()
    assert set(outgoing_headers()) == {"x-request-id", "traceparent"}


@pytest.mark.parametrize(
    "bad", ["", "00-abc", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01", "ff" + PARENT[2:]]
)
def test_a_traceparent_that_is_none_begins_a_new_trace_without_the_old_state(bad: str) -> None:
    enter({"traceparent": bad, "tracestate": "a=b"})
    assert TRACE not in outgoing_headers()["traceparent"]
    assert "tracestate" not in outgoing_headers()


def test_a_request_id_that_could_not_be_a_header_is_replaced() -> None:
    assert enter({"x-request-id": "a b"}).request_id != "a b"


async def test_requests_served_at_the_same_time_keep_their_own_ids() -> None:
    async def serve(name: str) -> str:
        enter({"x-request-id": name})
        await asyncio.sleep(0)
        return outgoing_headers()["x-request-id"]

    assert list(await asyncio.gather(serve("a"), serve("b"))) == ["a", "b"]


def test_how_long_the_caller_waits_is_a_moment_of_this_machine_and_is_not_passed_on_by_itself() -> None:
    before = time.monotonic()
    enter({"x-goaround-timeout-ms": "1500"})
    assert before + 1.5 <= (deadline() or 0.0) <= time.monotonic() + 1.5
    assert set(outgoing_headers()) == {"x-request-id", "traceparent"}


@pytest.mark.parametrize("said", [None, "", "-1", "1.5", "soon", "9" * 10, "\u0661"])
def test_a_caller_that_does_not_say_how_long_it_waits_waits_for_ever(said: str | None) -> None:
    enter({} if said is None else {"x-goaround-timeout-ms": said})
    assert deadline() is None
