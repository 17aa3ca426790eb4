"""The tree of one request: from scripted records, and from real services that log their calls."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from rich.console import Console

from benchmarks.trace import Node, read, tree
from benchmarks.trace_cli import drawn
from services.runtime.calls import CallLog
from services.runtime.clients import make_clients
from services.runtime.faults import Faults
from services.runtime.pod import Application
from services.runtime.probes import Phase, Probes
from services.runtime.server import Gate, make_app
from services.runtime.settings import Settings
from services.runtime.telemetry import Telemetry

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def record(kind: str, by: str, pod: str, at: int, span: str = "", parent: str = "", **fields: Any) -> dict[str, Any]:
    return {
        "time": f"2026-01-31T12:00:00.{at:06d}Z", "ms": 1, "kind": kind, "by": by, "pod": pod,
        "service": pod.rpartition("-")[0], "peer": "alerts:8080", "method": "GET", "path": "/", "status": 200,
        "flag": "-", "attempt": None, "host": None, "request_id": "f-1",
        "traceparent": f"00-{TRACE}-{span}-01" if span else None, "parent": parent or None, **fields,
    }  # fmt: skip


MESH = [
    record("served", "proxy", "collector-0", 1),
    record("served", "app", "collector-0", 2, "s1"),
    record("call", "app", "collector-0", 3, "c1", "s1"),
    record("attempt", "app", "collector-0", 4, "a1", "c1", attempt=1),
    record("call", "proxy", "collector-0", 5, "a1"),
    record("attempt", "proxy", "collector-0", 6, "a1", status=503),
    record("served", "proxy", "alerts-0", 7, "a1", attempt="1", status=503),
    record("served", "app", "alerts-0", 8, "s2", "a1", attempt=1, status=503),
    record("attempt", "proxy", "collector-0", 9, "a1"),
    record("served", "proxy", "alerts-1", 10, "a1", attempt="2"),
    record("served", "app", "alerts-1", 11, "s3", "a1", attempt=2),
    record("call", "app", "alerts-1", 12, "c2", "s3", peer="momentum"),
]


def written(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def shape(node: Node) -> Any:
    call = node.call
    return (f"{call.by} {call.kind} {call.pod} {call.attempt or ''}".strip(), [shape(child) for child in node.children])


def test_each_try_of_a_sidecar_leads_to_the_pod_that_it_reached_whatever_the_order_of_the_lines(tmp_path: Path) -> None:
    shuffled = Random(1).sample(MESH, len(MESH))
    (root,) = tree(read([written(tmp_path / "log", shuffled)], "f-1"))
    served = ("proxy served collector-0", [("app served collector-0", [("app call collector-0", [...])])])
    assert shape(root)[0] == served[0]
    attempt = root.children[0].children[0].children[0]
    assert shape(attempt) == (
        "app attempt collector-0 1",
        [
            (
                "proxy call collector-0",
                [
                    ("proxy attempt collector-0 1", [("proxy served alerts-0 1", [("app served alerts-0 1", [])])]),
                    (
                        "proxy attempt collector-0 2",
                        [("proxy served alerts-1 2", [("app served alerts-1 2", [("app call alerts-1", [])])])],
                    ),
                ],
            )
        ],
    )


@pytest.mark.parametrize("lost", range(len(MESH)))
def test_a_line_that_is_missing_hides_no_other_call(lost: int, tmp_path: Path) -> None:
    rest = MESH[:lost] + MESH[lost + 1 :]

    def count(node: Node) -> int:
        return 1 + sum(map(count, node.children))

    assert sum(map(count, tree(read([written(tmp_path / "log", rest)], "f-1")))) == len(rest)


def test_other_requests_words_of_programs_and_torn_lines_are_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path / "log", [MESH[0], {**MESH[1], "request_id": "f-11"}, {**MESH[1], "path": '"f-1"'}])
    with path.open("a") as log:
        log.write('WARNING "f-1" went wrong\n{"request_id": "f-1"}\n{"time": 1, "request_id":"f-1", "by": "ap')
    assert [call.pod for call in read([path], "f-1")] == ["collector-0", "collector-0"]


def test_of_sidecars_that_log_only_what_failed_the_try_that_succeeded_stands_beside_the_one_that_did_not(
    tmp_path: Path,
) -> None:
    failed = [one for one in MESH if one["by"] == "app" or one["status"] >= 500]
    (root,) = tree(read([written(tmp_path / "log", failed)], "f-1"))
    assert shape(root.children[0].children[0]) == (
        "app attempt collector-0 1",
        [
            ("proxy attempt collector-0 1", [("proxy served alerts-0 1", [("app served alerts-0 1", [])])]),
            ("app served alerts-1 2", [("app call alerts-1", [])]),
        ],
    )


@asynccontextmanager
async def logging_pod(
    folder: Path, name: str, log: list[str], routes: Any, faults: Faults, **peers: int
) -> AsyncIterator[int]:
    """Serve one pod that logs its calls; its library tries twice. Gives its port."""
    folder.mkdir()  # noqa: ASYNC240 - a test may wait for its own disk
    services = {f"{peer}:8080": [["127.0.0.1", port]] for peer, port in peers.items()}
    (folder / "discovery").write_text(json.dumps({"services": services}))
    retry = {"attempts": 2, "retry_on": "5xx", "backoff_s": 0.001, "max_backoff_s": 0.001}
    (folder / "policies").write_text(json.dumps({peer: {"retry": retry} for peer in peers}))
    settings = Settings(
        service_name=name, pod_name=f"{name}-0", resilience_mode="library",
        policies_file=folder / "policies", discovery_file=folder / "discovery",
    )  # fmt: skip
    telemetry, probes, calls = Telemetry(settings), Probes(), CallLog(settings, log.append)
    clients = make_clients(settings, telemetry, calls)
    probes.phase = Phase.READY
    app = make_app(Application(routes(clients)), Gate(telemetry, faults, probes, calls=calls), probes)
    async with TestServer(app) as server:
        yield int(server.port or 0)
    await clients.close()


async def test_real_services_log_every_attempt_under_the_id_that_came_in(tmp_path: Path) -> None:
    log: list[str] = []
    faults = Faults("alerts-0")
    faults.add({"id": "once", "kind": "fail-first", "count": 1, "status": 503, "ttl_s": 60})

    async def answer(_request: web.Request) -> web.Response:
        return web.Response()

    def callee(_clients: Any) -> list[web.RouteDef]:
        return [web.post("/", answer)]

    def caller(clients: Any) -> list[web.RouteDef]:
        async def forward(_request: web.Request) -> web.Response:
            reply = await clients["alerts"].post("/", json={})
            return web.Response(status=reply.status)

        return [web.post("/frame", forward)]

    async with (
        logging_pod(tmp_path / "alerts", "alerts", log, callee, faults) as port,
        logging_pod(tmp_path / "collector", "collector", log, caller, Faults("collector-0"), alerts=port) as entry,
        TestClient(TestServer(web.Application())) as http,
        http.session.post(f"http://127.0.0.1:{entry}/frame", headers={"x-request-id": "f-1"}) as response,
    ):
        assert (response.status, response.headers["x-request-id"]) == (200, "f-1")
    path = tmp_path / "log"
    path.write_text("".join(log))
    (root,) = tree(read([path], "f-1"))
    assert shape(root) == (
        "app served collector-0",
        [
            (
                "app call collector-0 2",
                [
                    ("app attempt collector-0 1", [("app served alerts-0", [])]),
                    ("app attempt collector-0 2", [("app served alerts-0", [])]),
                ],
            )
        ],
    )
    first = root.children[0].children[0].children[0].call
    assert (first.status, first.flag, first.peer) == (503, "FI", "collector")
    console = Console(width=120, no_color=True)
    with console.capture() as shown:
        console.print(drawn(root))
    assert "collector-0 calls alerts: POST /, attempts: 2  200" in shown.get()
    assert shown.get().count("503 FI") == 1
