"""A line for each request and each try, from two real sidecars."""

import json
from pathlib import Path
from typing import Any

from tests.istio.pair import running_pair
from tests.istio.running import eventually

RETRIED = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: alerts, namespace: airport}
spec:
  hosts: [alerts]
  http:
  - retries: {attempts: 2, retryOn: 5xx, perTryTimeout: 1s}
    route: [{destination: {host: alerts}}]
"""
SPAN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
HEADERS = {"x-request-id": "f-1", "traceparent": SPAN, "x-goaround-source": "collector"}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]


async def test_a_request_that_was_tried_again_is_one_call_two_attempts_and_served_twice(tmp_path: Path) -> None:
    async with running_pair(tmp_path, RETRIED, call_log="all") as pair:
        pair.statuses += [503]
        assert await pair.call(**HEADERS) == 200

        async def written() -> bool:
            return len(lines(tmp_path / "collector-0.log")) == 3 and len(lines(tmp_path / "alerts-0.log")) == 2

        await eventually(written)
    out, into = lines(tmp_path / "collector-0.log"), lines(tmp_path / "alerts-0.log")
    assert sorted((one["kind"], one["status"]) for one in out) == [("attempt", 200), ("attempt", 503), ("call", 200)]
    assert [(one["kind"], one["status"], int(one["attempt"]), one["peer"]) for one in into] == [
        ("served", 503, 1, "collector"),
        ("served", 200, 2, "collector"),
    ]
    assert {(one["request_id"], one["traceparent"], one["by"]) for one in (*out, *into)} == {("f-1", SPAN, "proxy")}
    assert {one["pod"] for one in out} == {"collector-0"}
    assert all(one["host"] for one in out if one["kind"] == "attempt")
    assert all(isinstance(one["ms"], int) and one["path"] == "/" and one["method"] == "GET" for one in (*out, *into))


async def test_of_what_failed_alone_the_tries_are_told_that_failed(tmp_path: Path) -> None:
    async with running_pair(tmp_path, RETRIED, call_log="failed") as pair:
        assert await pair.call(**{**HEADERS, "x-request-id": "f-0"}) == 200
        pair.statuses += [503]
        assert await pair.call(**HEADERS) == 200
        pair.statuses += [503, 503, 503]
        assert await pair.call(**{**HEADERS, "x-request-id": "f-2"}) == 503

        async def written() -> bool:
            return len(lines(tmp_path / "collector-0.log")) == 5 and len(lines(tmp_path / "alerts-0.log")) == 4

        await eventually(written)
    out = [(one["request_id"], one["kind"], one["flag"]) for one in lines(tmp_path / "collector-0.log")]
    assert sorted(out) == [
        ("f-1", "attempt", "-"),
        *[("f-2", "attempt", "-")] * 3,
        ("f-2", "call", "URX"),
    ]
