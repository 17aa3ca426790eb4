"""Face recognition: an alert for a person of interest, and 200 only when it was taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.airport.analysis import alert_of
from services.airport.messages import Frame
from services.face_recognition.application import build
from services.runtime.clients import Reply
from tests.services.scripted import ScriptedClients, frame, reply, serving, settings_of

WANTED = next(frame(seed) for seed in range(100) if alert_of(frame(seed)))
HARMLESS = next(frame(seed) for seed in range(100) if not alert_of(frame(seed)))


async def test_a_person_of_interest_is_alerted_with_the_frames_id(tmp_path: Path) -> None:
    alert = alert_of(WANTED)
    assert alert is not None
    async with serving(build, settings_of(tmp_path)) as served:
        answer = await served.http.post("/frame", json=WANTED.to_json())
        assert (answer.status, await answer.json()) == (200, {"persons": len(alert.names)})
        assert served.clients["alerts"].asked == [("POST", "/", alert.to_json(), {})]
        assert alert.to_json()["frame"] == WANTED.id


async def test_nobody_of_interest_alerts_nobody(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        answer = await served.http.post("/frame", json=HARMLESS.to_json())
        assert (answer.status, await answer.json()) == (200, {"persons": 0})
        assert not served.clients.made


async def test_the_frames_destination_says_where_alerts_go(tmp_path: Path) -> None:
    elsewhere = Frame.from_json({**WANTED.to_json(), "destination": "http://archive:8080/in"})
    async with serving(build, settings_of(tmp_path)) as served:
        await served.http.post("/frame", json=elsewhere.to_json())
        assert [asked[:2] for asked in served.clients["archive"].asked] == [("POST", "/in")]


async def test_a_destination_that_is_none_is_refused(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        answer = await served.http.post("/frame", json={**WANTED.to_json(), "destination": "alerts"})
        assert answer.status == 400


@pytest.mark.parametrize(("failed", "status"), [(reply(500), 502), (reply(503, flag="UF"), 503), (reply(504), 504)])
async def test_an_alert_that_was_not_taken_fails_the_frame(failed: Reply, status: int, tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path), ScriptedClients(alerts=failed)) as served:
        answer = await served.http.post("/frame", json=WANTED.to_json())
        assert answer.status == status
        assert (await answer.json())["failed"][0]["service"] == "alerts"


async def test_its_status(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        assert await (await served.http.get("/status")).text() == "Face Recognition v1 : Online"
