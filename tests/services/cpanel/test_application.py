"""The control panel: its pages, its configuration, and the ways through it."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from services.airport.messages import Alert, Person, Statistics
from services.airport.photo import encoded
from services.cpanel.application import build
from services.runtime.clients import Reply
from services.runtime.pod import Pod
from services.runtime.settings import BadSettings
from tests.services.scripted import NOON, ScriptedClients, Served, reply, serving, settings_of

CONFIG: dict[str, Any] = {
    "project": "airport",
    "cameras": [
        {"id": 1, "description": "exit", "url": "http://camera-agent-1:8080", "section": 1, "type": "exit"},
        {"id": 2, "description": "entry", "url": "http://camera-agent-2:8080", "section": 2, "type": "entry"},
    ],
    "sections": [{"id": 1, "description": "section 1", "url": "http://section-1:8080"}],
}
ANALYSIS = Statistics("f", NOON, 1, "exit", (Person("25-32", "<b>"),), encoded(1)).to_json()
ALERT = Alert("f", NOON, 1, "exit", encoded(2), ("Eve",)).to_json()


def serve(tmp_path: Path, clients: ScriptedClients | None = None, **env: str) -> AbstractAsyncContextManager[Served]:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    settings = settings_of(tmp_path, "cpanel", CONFIG_FILE=str(path), FAULT_CONTROL="on", **env)
    return serving(build, settings, clients)


@pytest.mark.parametrize("path", ["/", "/index"])
@pytest.mark.parametrize(("version", "photos"), [("v1", 0), ("v2", 2)])
async def test_the_dashboard_shows_statistics_and_alert_and_v2_both_photos(
    path: str, version: str, photos: int, tmp_path: Path
) -> None:
    clients = ScriptedClients(momentum=[reply(200, ANALYSIS), reply(200, ALERT)])
    async with serve(tmp_path, clients, SERVICE_VERSION=version) as served:
        answer = await served.http.get(path)
        text = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert f"<h1>Dashboard {version.upper()}</h1>" in text
    assert text.count("data:image/jpeg;base64,") == photos
    assert "&lt;b&gt;, 25-32" in text
    assert "<li>Eve</li>" in text


async def test_what_momentum_told_before_is_shown_with_its_age_and_the_answer_says_so(tmp_path: Path) -> None:
    old = Reply(200, json.dumps(ANALYSIS).encode(), "FB", 3, stale_s=12.3)
    async with serve(tmp_path, ScriptedClients(momentum=[old, reply(200, ALERT), old])) as served:
        answer = await served.http.get("/")
        text = await answer.text()
        assert (answer.status, answer.headers["x-goaround-stale-s"]) == (200, "12.300")
        assert text.count("stale") == 1
        assert "as known 12 s ago" in text
        assert "<li>Eve</li>" in text
        forwarded = await served.http.get("/analysis")
        assert (forwarded.status, forwarded.headers["x-goaround-stale-s"]) == (200, "12.300")
        assert await forwarded.json() == ANALYSIS


async def test_news_do_not_say_that_they_are_old(tmp_path: Path) -> None:
    async with serve(tmp_path, ScriptedClients(momentum=[reply(200, ANALYSIS), reply(200, ALERT)])) as served:
        answer = await served.http.get("/")
        assert "x-goaround-stale-s" not in answer.headers
        assert "stale" not in await answer.text()


async def test_before_the_first_frame_the_dashboard_says_so(tmp_path: Path) -> None:
    async with serve(tmp_path, ScriptedClients(momentum=reply(200, {"persons": []}))) as served:
        answer = await served.http.get("/")
        assert answer.status == 200
        assert (await answer.text()).count("none yet") == 2


async def test_a_dashboard_without_momentum_is_a_page_but_no_success(tmp_path: Path) -> None:
    async with serve(tmp_path, ScriptedClients(momentum=reply(503, flag="UF"))) as served:
        answer = await served.http.get("/")
        assert answer.status == 503
        assert "<h1>Dashboard V1</h1>" in await answer.text()


@pytest.mark.parametrize(
    ("method", "path", "service", "asked"),
    [
        ("GET", "/cameras/1/state", "camera-agent-1", "/state"),
        ("GET", "/cameras/2/frame", "camera-agent-2", "/frame"),
        ("POST", "/cameras/2/stream?toggle=off", "camera-agent-2", "/stream"),
        ("GET", "/sections/1/status", "section-1", "/status"),
        ("GET", "/sections/1/persons?aggregate=count", "section-1", "/persons"),
        ("POST", "/sections/1/persons", "section-1", "/persons"),
        ("GET", "/alerts/?from=x", "alerts", "/"),
        ("POST", "/alerts/", "alerts", "/"),
        ("GET", "/alerts/7", "alerts", "/7"),
        ("DELETE", "/alerts/7", "alerts", "/7"),
        ("GET", "/alerts/status", "alerts", "/status"),
        ("GET", "/analysis", "momentum", "/analysis"),
        ("POST", "/alert", "momentum", "/alert"),
        ("GET", "/momentum/status", "momentum", "/status"),
        ("GET", "/collector/status", "collector", "/status"),
    ],
)
async def test_a_request_is_passed_on_whole(method: str, path: str, service: str, asked: str, tmp_path: Path) -> None:
    body = {"a": 1} if method == "POST" else None
    query = dict([path.split("?")[1].split("=")]) if "?" in path else {}
    clients = ScriptedClients(**{service: reply(201, {"said": service})})
    async with serve(tmp_path, clients) as served:
        answer = await served.http.request(method, path, json=body)
        assert (answer.status, await answer.json()) == (201, {"said": service})
        assert served.clients[service].asked == [(method, asked, body, query)]


async def test_what_the_callee_refuses_is_passed_back_as_it_said_it(tmp_path: Path) -> None:
    async with serve(tmp_path, ScriptedClients(alerts=reply(404, {"error": "no alert 7"}))) as served:
        answer = await served.http.get("/alerts/7")
        assert (answer.status, await answer.json()) == (404, {"error": "no alert 7"})


async def test_a_callee_that_did_not_answer_is_named(tmp_path: Path) -> None:
    async with serve(tmp_path, ScriptedClients(section_1=reply(504, flag="UT"))) as served:
        answer = await served.http.get("/sections/1/status")
        assert answer.status == 504
        assert (await answer.json())["failed"][0]["service"] == "section-1"


@pytest.mark.parametrize("path", ["/cameras/9/state", "/sections/9/status", "/cameras/1/secrets"])
async def test_what_is_not_configured_is_not_found(path: str, tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        assert (await served.http.get(path)).status == 404
        assert not served.clients.made


async def test_production_switches_every_camera_where_it_stands(tmp_path: Path) -> None:
    clients = ScriptedClients(camera_agent_1=reply(200, {"streaming": True}), camera_agent_2=reply(200, {}))
    async with serve(tmp_path, clients) as served:
        answer = await served.http.get("/production", params={"toggle": "on"})
        assert (await answer.json())["cameras"][0] == {"id": 1, "state": {"streaming": True}}
        ((_, path, body, params),) = served.clients["camera-agent-2"].asked
        assert (path, params) == ("/stream", {"toggle": "on"})
        assert body == {"destination": "http://collector:8080/frame", "section": 2, "event": "entry", "fps": 1}


async def test_production_names_the_camera_that_did_not_answer(tmp_path: Path) -> None:
    async with serve(tmp_path, ScriptedClients(camera_agent_2=reply(503, flag="UF"))) as served:
        answer = await served.http.get("/production", params={"toggle": "off"})
        assert answer.status == 503
        assert [one["service"] for one in (await answer.json())["failed"]] == ["camera-agent-2"]
        assert (await served.http.get("/production")).status == 400


async def test_the_configuration_can_be_replaced_and_read_again_from_its_file(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        fewer = {**CONFIG, "cameras": CONFIG["cameras"][:1]}
        assert await (await served.http.put("/config", json=fewer)).json() == fewer
        assert await (await served.http.get("/cameras")).json() == {"cameras": fewer["cameras"]}
        assert await (await served.http.put("/config")).json() == CONFIG
        assert await (await served.http.get("/sections")).json() == {"sections": CONFIG["sections"]}


async def test_a_bad_configuration_names_each_bad_field_and_changes_nothing(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        bad = {"cameras": [{"id": "x", "url": "ftp://a", "section": 1, "type": "up"}], "sections": {}}
        answer = await served.http.put("/config", json=bad)
        assert answer.status == 400
        assert sorted(error.split(":")[0] for error in (await answer.json())["errors"]) == [
            "config.cameras[0].id",
            "config.cameras[0].type",
            "config.cameras[0].url",
            "config.sections",
        ]
        assert len((await (await served.http.get("/cameras")).json())["cameras"]) == 2


def test_a_panel_does_not_start_with_a_bad_configuration(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{")
    with pytest.raises(BadSettings, match=r"config\.json"):
        build(Pod(settings_of(tmp_path, CONFIG_FILE=str(path)), ScriptedClients()))


async def test_status_says_version_and_replica_and_fault_toggles_it(tmp_path: Path) -> None:
    async with serve(tmp_path, SERVICE_VERSION="v2") as served:
        assert await (await served.http.get("/status")).text() == "CPanel v2 : Online - cpanel-0"
        await served.http.get("/fault")
        assert (await served.http.get("/status")).status == 503
