"""The collector: 200 only when everything is stored, and every failed call named otherwise."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.airport.analysis import statistics_of
from services.collector.application import build
from services.runtime.clients import Reply
from tests.services.scripted import ScriptedClient, ScriptedClients, Served, frame, reply, serving, settings_of

FRAME = frame(1)
STATISTICS = statistics_of(FRAME).to_json()


def scripted(**replies: Reply) -> ScriptedClients:
    return ScriptedClients(**{"image_analysis": reply(200, STATISTICS), **replies})


async def post(served: Served, message: object = None) -> tuple[int, Any]:
    answer = await served.http.post("/frame", json=message or FRAME.to_json())
    return answer.status, await answer.json()


async def until_asked(client: ScriptedClient) -> None:
    async with asyncio.timeout(2):
        while not client.asked:  # noqa: ASYNC110 - the script has no event
            await asyncio.sleep(0.001)


async def test_a_frame_is_analysed_stored_shown_and_recognised(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path), scripted()) as served:
        assert await post(served) == (200, {"frame": FRAME.id})
        asked = {name: client.asked for name, client in served.clients.made.items()}
    assert asked == {
        "image-analysis": [("POST", "/frame", FRAME.to_json(), {})],
        "face-recognition": [("POST", "/frame", FRAME.to_json(), {})],
        "section-1": [("POST", "/persons", STATISTICS, {})],
        "momentum": [("POST", "/analysis", {**STATISTICS, "image": FRAME.image}, {})],
    }


@pytest.mark.parametrize("service", ["image_analysis", "face_recognition", "section_1", "momentum"])
@pytest.mark.parametrize(
    ("failed", "status"), [(reply(500), 502), (reply(503, flag="UF"), 503), (reply(504, flag="UT"), 504)]
)
async def test_any_failed_call_makes_the_frame_fail(service: str, failed: Reply, status: int, tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path), scripted(**{service: failed})) as served:
        found, body = await post(served)
    assert found == status
    assert [(one["service"], one["status"], one["flag"]) for one in body["failed"]] == [
        (service.replace("_", "-"), failed.status, failed.flag)
    ]


async def test_all_failed_calls_are_named_worst_first(tmp_path: Path) -> None:
    clients = scripted(section_1=reply(503, flag="UO"), momentum=reply(500), face_recognition=reply(504, flag="UT"))
    async with serving(build, settings_of(tmp_path), clients) as served:
        status, body = await post(served)
    assert status == 504
    assert [one["service"] for one in body["failed"]] == ["face-recognition", "momentum", "section-1"]


async def test_when_one_side_fails_the_other_is_waited_for(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path), scripted(image_analysis=reply(500))) as served:
        held = served.clients["face-recognition"].gate = asyncio.Event()
        answer = asyncio.create_task(post(served))
        await until_asked(served.clients["image-analysis"])
        await asyncio.sleep(0.02)
        assert not answer.done()
        held.set()
        assert (await answer)[0] == 502


async def test_both_sides_are_asked_at_the_same_time(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path), scripted()) as served:
        held = served.clients["image-analysis"].gate = asyncio.Event()
        answer = asyncio.create_task(post(served))
        await until_asked(served.clients["face-recognition"])
        held.set()
        assert (await answer)[0] == 200


@pytest.mark.parametrize("said", [Reply(200, b"<html>", None, 1), reply(200, {"persons": 3})])
async def test_an_analysis_that_is_none_is_a_failure_and_is_not_stored(said: Reply, tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path), scripted(image_analysis=said)) as served:
        status, body = await post(served)
        assert status == 502
        assert body["failed"][0]["service"] == "image-analysis"
        assert "bad answer" in body["failed"][0]["reason"]
        assert "section-1" not in served.clients.made


async def test_a_bad_frame_reaches_nobody(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path), scripted()) as served:
        status, body = await post(served, {"id": "f"})
        assert status == 400
        assert len(body["errors"]) == 4
        assert not any(client.asked for client in served.clients.made.values())


async def test_statistics_are_forwarded_to_their_section(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        assert (await served.http.post("/persons", json=STATISTICS)).status == 200
        assert served.clients["section-1"].asked == [("POST", "/persons", STATISTICS, {})]


async def test_status_says_which_replica_answered_and_fault_makes_it_fail_until_the_next(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        answer = await served.http.get("/status")
        assert await answer.text() == "Collector v1 : Online - collector-0"
        statuses = []
        for _ in range(2):
            await served.http.get("/fault")
            statuses.append((await served.http.get("/status")).status)
        assert statuses == [503, 200]
        assert (await served.http.get("/readyz")).status == 200
