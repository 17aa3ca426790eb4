"""The admin port: metrics always, control only when the harness asks for it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.momentum.application import build as momentum
from services.section.application import build as section
from tests.services.processes import running
from tests.services.scripted import serving, settings_of

TOKEN = "x-goaround-token"  # noqa: S105 - the name of a header
CONTROL = [
    ("GET", "/faults"),
    ("POST", "/faults"),
    ("DELETE", "/faults"),
    ("DELETE", "/faults/a"),
    ("POST", "/reset"),
    ("GET", "/process"),
    ("GET", "/counters"),
    ("GET", "/stored"),
]
GUARDED = {"FAULT_CONTROL": "on", "CONTROL_TOKEN": "a-secret"}
ABORT = {"id": "a", "kind": "abort", "status": 503, "rate": 1, "ttl_s": 9}
STATISTICS: dict[str, Any] = {
    "frame": "f",
    "timestamp": "2026-01-31T12:00:00Z",
    "section": 1,
    "event": "exit",
    "persons": [],
}


@pytest.mark.parametrize(("method", "path"), CONTROL)
async def test_without_fault_control_there_is_no_such_route(method: str, path: str, tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path)) as served:
        assert (await served.admin.request(method, path, json={"seed": 1})).status == 404
        assert (await served.admin.get("/metrics")).status == 200


@pytest.mark.parametrize("headers", [{}, {TOKEN: ""}, {TOKEN: "a-secre"}, {TOKEN: "a-secret2"}, {TOKEN: "schlüssel"}])
@pytest.mark.parametrize(("method", "path"), CONTROL)
async def test_with_a_token_nothing_is_controlled_without_it(
    method: str, path: str, headers: dict[str, str], tmp_path: Path
) -> None:
    async with serving(momentum, settings_of(tmp_path, **GUARDED)) as served:
        answer = await served.admin.request(method, path, json=ABORT, headers=headers)
        assert (answer.status, len((await answer.json())["errors"])) == (401, 1)
        listing = await served.admin.get("/faults", headers={TOKEN: "a-secret"})
        assert (await listing.json())["faults"] == []


async def test_a_process_tells_the_conditions_that_it_runs_under_and_how_long_it_has(tmp_path: Path) -> None:
    told = {"FAULT_CONTROL": "on", "IDEMPOTENCY": "off", "WORKERS": "3"}
    async with serving(momentum, settings_of(tmp_path, **told)) as served:
        first, second = [await (await served.admin.get("/process")).json() for _ in range(2)]
    assert first["settings"] == {
        "RESILIENCE_MODE": "plain",
        "IDEMPOTENCY": False,
        "SERVICE_TIME_MS": 0.0,
        "CPU_MS": 0.0,
        "WORKERS": 3,
    }
    assert 0 <= first["age_s"] <= second["age_s"]


async def test_with_the_token_a_fault_is_set(tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path, **GUARDED)) as served:
        assert (await served.admin.post("/faults", json=ABORT, headers={TOKEN: "a-secret"})).status == 201
        assert (await served.http.get("/status")).status == 503


async def test_metrics_are_told_without_the_token(tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path, **GUARDED)) as served:
        assert (await served.admin.get("/metrics")).status == 200


@pytest.mark.parametrize("path", ["/metrics/", "/Metrics", "/faults?/metrics"])
async def test_a_path_that_only_looks_like_an_open_one_is_guarded(path: str, tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path, **GUARDED)) as served:
        assert (await served.admin.get(path)).status == 401


async def test_a_fault_is_set_listed_fires_and_is_ended(tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path, FAULT_CONTROL="on")) as served:
        assert (await served.admin.post("/faults", json=ABORT)).status == 201
        assert (await served.http.get("/status")).status == 503
        listing = await (await served.admin.get("/faults")).json()
        assert [(one["id"], one["kind"], one["status"], one["fired"]) for one in listing["faults"]] == [
            ("a", "abort", 503, 1)
        ]
        assert [(await served.admin.delete("/faults/a")).status for _ in range(2)] == [204, 404]
        assert (await served.http.get("/status")).status == 200
        assert await (await served.admin.get("/faults")).json() == {"faults": [], "fired": {"a": 1}, "probed": {}}


async def test_a_bad_fault_is_refused_naming_its_fields(tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path, FAULT_CONTROL="on")) as served:
        for bad in ({"json": {**ABORT, "rate": 2}}, {"data": b"{"}):
            answer = await served.admin.post("/faults", **bad)
            assert answer.status == 400
            assert len((await answer.json())["errors"]) == 1


async def test_reset_leaves_nothing_of_the_run_before(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "section-1", SECTION_ID="1", FAULT_CONTROL="on")
    async with serving(section, settings) as served:
        assert (await served.http.post("/persons", json=STATISTICS)).status == 201
        await served.admin.post("/faults", json=ABORT)
        assert (await (await served.admin.get("/stored")).json())["frames"] == {"f": {"records": 1, "persons": 0}}
        answer = await served.admin.post("/reset", json={"seed": 7})
        assert await answer.json() == {"in_flight": 0}
        assert served.dropped == [7]
        assert (await (await served.admin.get("/stored")).json())["frames"] == {}
        assert await (await served.admin.get("/faults")).json() == {"faults": [], "fired": {}, "probed": {}}
        assert (await (await served.admin.get("/counters")).json())["received"] == {}


async def test_reset_waits_for_nobody_and_refuses_while_requests_are_in_flight(tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path, FAULT_CONTROL="on")) as served:
        served.faults.add({"id": "d", "kind": "delay", "delay_ms": 200, "rate": 1, "ttl_s": 9})
        slow = asyncio.create_task(served.http.get("/status"))
        while not served.telemetry.in_flight:  # noqa: ASYNC110 - one turn of the loop, or two
            await asyncio.sleep(0)
        answer = await served.admin.post("/reset", json={"seed": 7})
        assert (answer.status, await answer.json()) == (409, {"in_flight": 1})
        assert served.dropped == []
        await slow


@pytest.mark.parametrize("body", [{}, {"seed": "x"}, {"seed": -1}, [], {"seed": True}])
async def test_reset_needs_a_seed(body: object, tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path, FAULT_CONTROL="on")) as served:
        assert (await served.admin.post("/reset", json=body)).status == 400


async def test_a_service_without_a_store_has_stored_nothing(tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path, FAULT_CONTROL="on")) as served:
        assert await (await served.admin.get("/stored")).json() == {}


async def test_with_fault_control_the_admin_port_listens_on_loopback_only(tmp_path: Path) -> None:
    elsewhere = socket.gethostbyname(socket.gethostname())
    if elsewhere.startswith("127."):
        elsewhere = "127.0.0.2"  # another of this machine's addresses, which 0.0.0.0 would include
    async with running(tmp_path) as pods:
        pod = await pods.start("momentum", "momentum", HOST="0.0.0.0")  # noqa: S104 - what is being tested
        assert (await pods.json(f"{pod.admin}/counters"))["in_flight"] == 0
        async with pods.http.get(pod.app.replace("127.0.0.1", elsewhere) + "/livez") as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await pods.json(f"{pod.admin.replace('127.0.0.1', elsewhere)}/counters")


async def test_a_port_in_use_is_one_line_and_code_2(tmp_path: Path) -> None:
    async with running(tmp_path) as pods:
        pod = await pods.start("momentum", "momentum")
        with pytest.raises(AssertionError, match="ended with 2"):
            await pods.start("momentum", "other", PORT=pod.app.rsplit(":", 1)[1])
