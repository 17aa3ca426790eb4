"""Momentum: the latest, even before there is any."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.airport.messages import Alert, Person, Statistics
from services.airport.photo import encoded
from services.momentum.application import build
from tests.services.scripted import serving, settings_of

WHEN = ("2026-01-31T12:00:00+00:00", "2026-01-31T11:30:00+00:00", "2026-01-31T14:00:00+01:00")


def message(path: str, at: str) -> object:
    if path == "/alert":
        return Alert("f", at, 1, "exit", encoded(1), ("Eve",)).to_json()
    return Statistics("f", at, 1, "exit", (Person("8-12", "male"),), encoded(1)).to_json()


@pytest.mark.parametrize("path", ["/analysis", "/alert"])
async def test_before_the_first_there_is_nobody(path: str, tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        answer = await served.http.get(path)
        assert (answer.status, await answer.json()) == (200, {"persons": []})


@pytest.mark.parametrize("path", ["/analysis", "/alert"])
async def test_the_newest_is_kept_and_a_late_arrival_does_not_replace_it(path: str, tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path, FAULT_CONTROL="on")) as served:
        for at, newest in zip(WHEN, (0, 0, 2), strict=True):
            assert (await served.http.post(path, json=message(path, at))).status == 200
            assert await (await served.http.get(path)).json() == message(path, WHEN[newest])
        await served.admin.post("/reset", json={"seed": 0})
        assert await (await served.http.get(path)).json() == {"persons": []}


async def test_what_is_no_message_is_refused(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        assert (await served.http.post("/alert", data=b"{")).status == 400
        assert (await served.http.post("/analysis", json={"persons": []})).status == 400


async def test_its_status(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        assert await (await served.http.get("/status")).text() == "Momentum v1 : Online"
