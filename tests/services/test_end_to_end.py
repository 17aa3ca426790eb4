"""The whole chain as real processes: what is acknowledged is stored, exactly once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.airport.analysis import expected
from services.airport.messages import Frame
from tests.services.processes import Pods, running
from tests.services.scripted import frame

CONFIG = {
    "project": "airport",
    "cameras": [{"id": 1, "description": "", "url": "http://camera-agent-1:8080", "section": 1, "type": "exit"}],
    "sections": [{"id": 1, "description": "", "url": "http://section-1:8080"}],
}
CHAIN: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("momentum", "momentum", {}),
    ("alerts", "alerts", {}),
    ("section", "section-1", {"SECTION_ID": "1"}),
    ("section", "section-2", {"SECTION_ID": "2"}),
    ("face_recognition", "face-recognition", {}),
    ("image_analysis", "image-analysis", {}),
    ("collector", "collector", {}),
    ("camera_agent", "camera-agent-1", {"CAMERA_ID": "1"}),
)


BOTH = pytest.mark.parametrize("airport", ["plain", "library"], indirect=True)
PLAIN = pytest.mark.parametrize("airport", ["plain"], indirect=True)


@pytest_asyncio.fixture
async def airport(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Pods]:
    policies = tmp_path / "policies.json"
    policies.write_text("{}")
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG))
    mode = {"RESILIENCE_MODE": request.param, "POLICIES_FILE": str(policies)}
    async with running(tmp_path) as pods:
        chain = [pods.start(module, service, **{**mode, **env}) for module, service, env in CHAIN]
        panel = pods.start("cpanel", "cpanel", CONFIG_FILE=str(config), SERVICE_VERSION="v2", **mode)
        await asyncio.gather(*chain, panel)
        yield pods


@BOTH
async def test_each_acknowledged_frame_is_stored_exactly_once_with_what_its_photo_shows(airport: Pods) -> None:
    frames = [frame(seed, section=1 + seed % 2) for seed in range(24)]

    async def post(one: Frame) -> int:
        async with airport.http.post(f"{airport.pods['collector'].app}/frame", json=one.to_json()) as response:
            return response.status

    assert set(await asyncio.gather(*map(post, [*frames, *frames[:6]]))) == {200}  # six of them come twice
    stored = {
        name: (await airport.json(f"{airport.pods[name].admin}/stored"))["frames"]
        for name in ("section-1", "section-2", "alerts")
    }
    alerted = {one.id: len(expected(one).alert_names) for one in frames if expected(one).alert_names}
    assert alerted, "the frames must exercise alerts"
    assert stored["alerts"] == {one: {"records": 1, "persons": names} for one, names in alerted.items()}
    for section in (1, 2):
        assert stored[f"section-{section}"] == {
            one.id: {"records": 1, "persons": expected(one).persons} for one in frames if one.section == section
        }
    counters = await airport.json(f"{airport.pods['collector'].admin}/counters")
    assert counters["logical"] == {
        "image-analysis": 30,
        "face-recognition": 30,
        "section-1": 15,
        "section-2": 15,
        "momentum": 30,
    }
    received = await airport.json(f"{airport.pods['image-analysis'].admin}/counters")
    assert received["received"] == {"collector": 30}
    async with airport.http.get(f"{airport.pods['cpanel'].app}/") as response:
        text = await response.text()
    assert response.status == 200
    assert "<h1>Dashboard V2</h1>" in text
    assert text.count("data:image/jpeg;base64,") == 2


@PLAIN
async def test_a_camera_switched_on_at_the_panel_fills_its_section_until_it_is_switched_off(airport: Pods) -> None:
    panel, section = airport.pods["cpanel"].app, airport.pods["section-1"].admin
    assert (await airport.json(f"{panel}/production?toggle=on"))["cameras"][0]["state"]["streaming"] is True
    async with asyncio.timeout(5):
        while not (await airport.json(f"{section}/stored"))["frames"]:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.05)
    assert (await airport.json(f"{panel}/production?toggle=off"))["cameras"][0]["state"]["streaming"] is False
    assert (await airport.json(f"{panel}/cameras/1/state"))["streaming"] is False


@PLAIN
async def test_an_unavailable_callee_is_named_and_what_the_others_did_stays(airport: Pods) -> None:
    await airport.pods["face-recognition"].end()
    url = f"{airport.pods['collector'].app}/frame"
    async with airport.http.post(url, json=frame(3).to_json()) as response:
        answer = await response.json()
    assert response.status == 503
    assert [(one["service"], one["flag"]) for one in answer["failed"]] == [("face-recognition", "UF")]
    stored = await airport.json(f"{airport.pods['section-1'].admin}/stored")
    assert list(stored["frames"]) == ["f-3"]
