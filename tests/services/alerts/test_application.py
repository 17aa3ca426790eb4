"""Alerts: stored once, passed on to momentum, listed without photos."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from services.airport.messages import Alert
from services.airport.photo import encoded
from services.alerts.application import build
from tests.services.scripted import NOON, ScriptedClients, Served, reply, serving, settings_of

ALERT = Alert("f", NOON, 1, "exit", encoded(1), ("Eve", "Bo")).to_json()


def serve(tmp_path: Path, clients: ScriptedClients | None = None, **env: str) -> AbstractAsyncContextManager[Served]:
    return serving(build, settings_of(tmp_path, "alerts", FAULT_CONTROL="on", **env), clients)


async def test_an_alert_is_stored_and_passed_on(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        assert (await served.http.post("/", json=ALERT)).status == 201
        assert served.clients["momentum"].asked == [("POST", "/alert", ALERT, {})]
        assert await (await served.admin.get("/stored")).json() == {"frames": {"f": {"records": 1, "persons": 2}}}


async def test_an_alert_that_momentum_did_not_take_is_no_success_and_comes_through_when_it_is_sent_again(
    tmp_path: Path,
) -> None:
    async with serve(tmp_path, ScriptedClients(momentum=[reply(503, flag="UF"), reply(200)])) as served:
        first = await served.http.post("/", json=ALERT)
        assert first.status == 503
        assert (await first.json())["failed"][0]["service"] == "momentum"
        assert (await served.http.post("/", json=ALERT)).status == 200
        assert len(served.clients["momentum"].asked) == 2
        assert await (await served.http.get("/", params={"aggregate": "count"})).json() == {"count": 1}


async def test_with_idempotency_off_an_alert_is_stored_again(tmp_path: Path) -> None:
    async with serve(tmp_path, IDEMPOTENCY="off") as served:
        for _ in range(2):
            await served.http.post("/", json=ALERT)
        assert await (await served.http.get("/", params={"aggregate": "count"})).json() == {"count": 2}


async def test_alerts_are_listed_with_a_number_and_without_their_image(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        await served.http.post("/", json=ALERT)
        without = {name: value for name, value in ALERT.items() if name != "image"}
        assert await (await served.http.get("/")).json() == {"alerts": [{"id": 1, **without}]}
        assert await (await served.http.get("/", params={"from": "2026-02-01T00:00:00Z"})).json() == {"alerts": []}


async def test_one_alert_is_shown_whole_and_deleted_once(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        await served.http.post("/", json=ALERT)
        assert await (await served.http.get("/1")).json() == {"id": 1, **ALERT}
        assert [(await served.http.delete("/1")).status for _ in range(2)] == [204, 404]
        assert (await served.http.get("/1")).status == 404


async def test_its_status_is_not_an_alert(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        assert await (await served.http.get("/status")).text() == "Alerts v1 : Online"
