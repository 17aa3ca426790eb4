"""A camera: streams when it is switched on, stops cleanly, repeats no id."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from services.airport.messages import Frame
from services.camera_agent.application import build
from tests.services.scripted import ScriptedClient, Served, serving, settings_of

OFF = {"streaming": False, "cycle": 0, "fps": 0, "section": None, "destination": None, "event": None}
ORDER = {"destination": "http://collector:8080/frame", "section": 2, "event": "entry", "fps": 100}


def serve(tmp_path: Path) -> AbstractAsyncContextManager[Served]:
    return serving(build, settings_of(tmp_path, "camera-agent-1", CAMERA_ID="1", FAULT_CONTROL="on"))


async def frames(client: ScriptedClient, count: int) -> list[Frame]:
    async with asyncio.timeout(5):
        while len(client.asked) < count:  # noqa: ASYNC110 - the script has no event
            await asyncio.sleep(0.002)
    return [Frame.from_json(body) for _, _, body, _ in client.asked]


async def test_a_camera_is_off_until_it_is_switched_on(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        assert await (await served.http.get("/state")).json() == OFF
        assert not served.clients.made


async def test_it_sends_frames_where_it_is_told_until_it_is_switched_off(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        on = await served.http.post("/stream", params={"toggle": "on"}, json=ORDER)
        assert await on.json() == {"streaming": True, "cycle": 0, **ORDER}
        collector = served.clients["collector"]
        sent = await frames(collector, 4)
        assert {asked[:2] for asked in collector.asked} == {("POST", "/frame")}
        assert len({one.id for one in sent}) == len({one.image for one in sent}) == len(sent)
        assert {(one.section, one.event) for one in sent} == {(2, "entry")}
        assert await (await served.http.post("/stream", params={"toggle": "off"})).json() == OFF
        count = len(collector.asked)
        await asyncio.sleep(0.05)
        assert len(collector.asked) == count


async def test_switching_off_waits_for_the_frame_under_way(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        held = served.clients["collector"].gate = asyncio.Event()
        await served.http.post("/stream", params={"toggle": "on"}, json=ORDER)
        await frames(served.clients["collector"], 1)
        off = asyncio.create_task(served.http.post("/stream", params={"toggle": "off"}))
        await asyncio.sleep(0.03)
        assert not off.done()
        held.set()
        assert (await off).status == 200
        assert len(served.clients["collector"].asked) == 1


async def test_switched_on_again_it_repeats_no_id(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        for count in (2, 4):
            await served.http.post("/stream", params={"toggle": "on"}, json=ORDER)
            sent = await frames(served.clients["collector"], count)
        assert len({one.id for one in sent}) == len(sent)


async def test_reset_switches_it_off(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        await served.http.post("/stream", params={"toggle": "on"}, json=ORDER)
        assert (await served.admin.post("/reset", json={"seed": 0})).status == 200
        assert await (await served.http.get("/state")).json() == OFF


async def test_a_bad_order_names_each_bad_field_and_leaves_the_stream_as_it_is(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        await served.http.post("/stream", params={"toggle": "on"}, json=ORDER)
        bad = {"destination": "collector", "section": -1, "event": "x", "fps": 0}
        answer = await served.http.post("/stream", params={"toggle": "on"}, json=bad)
        assert answer.status == 400
        assert [error.split(":")[0] for error in (await answer.json())["errors"]] == [f"stream.{name}" for name in bad]
        assert (await (await served.http.get("/state")).json())["streaming"] is True


@pytest.mark.parametrize("params", [{}, {"toggle": "up"}])
async def test_a_switch_has_two_positions(params: dict[str, str], tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        assert (await served.http.post("/stream", params=params, json=ORDER)).status == 400


async def test_one_may_look_through_it_at_any_time(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        assert Frame.from_json(await (await served.http.get("/frame")).json()).section == 0
        await served.http.post("/stream", params={"toggle": "on"}, json=ORDER)
        assert Frame.from_json(await (await served.http.get("/frame")).json()).section == 2


async def test_its_status(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        assert await (await served.http.get("/status")).text() == "Camera Agent 1 v1 : Online"
