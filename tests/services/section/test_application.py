"""A section: one record for each frame, and persons by time."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from services.airport.messages import Person, Statistics
from services.section.application import build
from tests.services.scripted import Served, serving, settings_of

PEOPLE = (Person("8-12", "male"), Person("25-32", "female"))


def statistics(name: str = "f", minute: int = 0, event: str = "entry", section: int = 1, people: int = 2) -> object:
    at = f"2026-01-31T12:{minute:02}:00+00:00"
    return Statistics(name, at, section, event, PEOPLE[:people]).to_json()


def serve(tmp_path: Path, **env: str) -> AbstractAsyncContextManager[Served]:
    return serving(build, settings_of(tmp_path, "section-1", SECTION_ID="1", FAULT_CONTROL="on", **env))


async def stored(served: Served) -> Any:
    return (await (await served.admin.get("/stored")).json())["frames"]


async def test_a_frame_posted_again_is_acknowledged_and_stored_once(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        assert [(await served.http.post("/persons", json=statistics())).status for _ in range(3)] == [201, 200, 200]
        assert await stored(served) == {"f": {"records": 1, "persons": 2}}


async def test_with_idempotency_off_it_is_stored_again(tmp_path: Path) -> None:
    async with serve(tmp_path, IDEMPOTENCY="off") as served:
        assert [(await served.http.post("/persons", json=statistics())).status for _ in range(2)] == [201, 201]
        assert await stored(served) == {"f": {"records": 2, "persons": 4}}


async def test_a_frame_with_nobody_on_it_leaves_a_record_too(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        await served.http.post("/persons", json=statistics(people=0))
        assert await stored(served) == {"f": {"records": 1, "persons": 0}}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 4),
        ({"from": "2026-01-31T12:05:00Z"}, 2),
        ({"to": "2026-01-31T12:04:00Z"}, 2),
        ({"from": "2026-01-31T13:05:00+01:00", "to": "2026-01-31T12:05:00Z"}, 2),
        ({"departed": "true"}, 2),
        ({"departed": "false", "to": "2026-01-31T11:00:00Z"}, 0),
    ],
)
async def test_persons_are_listed_and_counted_by_time_and_direction(
    query: dict[str, str], count: int, tmp_path: Path
) -> None:
    async with serve(tmp_path) as served:
        await served.http.post("/persons", json=statistics("a", 0, "entry"))
        await served.http.post("/persons", json=statistics("b", 5, "exit"))
        listed = await (await served.http.get("/persons", params=query)).json()
        assert len(listed["persons"]) == count
        counted = await served.http.get("/persons", params={**query, "aggregate": "count"})
        assert await counted.json() == {"count": count}


async def test_a_listed_person_says_where_and_when(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        await served.http.post("/persons", json=statistics(people=1))
        (person,) = (await (await served.http.get("/persons")).json())["persons"]
        assert person == {
            "age": "8-12",
            "gender": "male",
            "section": 1,
            "event": "entry",
            "timestamp": "2026-01-31T12:00:00+00:00",
        }


@pytest.mark.parametrize("query", [{"from": "noon"}, {"aggregate": "sum"}, {"departed": "maybe"}])
async def test_a_bad_query_is_refused(query: dict[str, str], tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        answer = await served.http.get("/persons", params=query)
        assert answer.status == 400
        assert (await answer.json())["errors"][0].startswith(next(iter(query)))


async def test_another_sections_statistics_are_refused(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        assert (await served.http.post("/persons", json=statistics(section=2))).status == 400


async def test_a_store_that_is_locked_is_a_503_that_says_so_and_nothing_is_stored(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        other = sqlite3.connect(tmp_path / "section-1.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = await served.http.post("/persons", json=statistics())
        assert answer.status == 503
        assert "locked" in (await answer.json())["error"]
        other.execute("ROLLBACK")
        other.close()
        assert await stored(served) == {}


async def test_its_status_has_its_number(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        assert await (await served.http.get("/status")).text() == "Section 1 v1 : Online"
