"""Who has the token is told what a harness says and has measured; nobody else is told anything."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal, TextIO, cast

import aiohttp
import pytest
from rich.console import Console

from benchmarks.cluster import desk as desks
from benchmarks.cluster.desk import Desk
from benchmarks.results import CHECKSUMS, Run
from benchmarks.storage import digest
from tests.benchmarks.synthetic import EFFECTS, save, write_run

TOKEN = "a token"  # noqa: S105 - of no server


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return write_run(tmp_path, repetitions=1, only=lambda cell: False)


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def desk(run: Run, log: io.StringIO) -> Desk:
    return Desk(run, TOKEN, log)


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        desk.open(0, "127.0.0.1") as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers={"x-goaround-token": TOKEN}) as http,
    ):
        yield http


def console(desk: Desk) -> Console:
    return Console(file=cast(TextIO, desk), width=1000)


async def news(http: aiohttp.ClientSession, after: int = 0) -> dict[str, Any]:
    async with http.get("/news", params={"after": str(after)}) as answer:
        said: dict[str, Any] = await answer.json()
        return said


async def test_lines_are_told_after_those_that_are_known_and_stand_in_the_log_too(
    desk: Desk, http: aiohttp.ClientSession, log: io.StringIO
) -> None:
    for line in ("one", "two", "three"):
        console(desk).print(line)
    assert (await news(http))["lines"] == ["one", "two", "three"]
    assert (await news(http, 2))["lines"] == ["three"]
    assert log.getvalue() == "one\ntwo\nthree\n"


async def test_a_line_that_is_not_complete_is_not_told(desk: Desk, http: aiohttp.ClientSession) -> None:
    desk.write("one\ntw")
    assert (await news(http))["lines"] == ["one"]
    desk.write("o\n")
    assert (await news(http, 1))["lines"] == ["two"]


class Watched(asyncio.Event):
    """Tells when somebody begins to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_for = asyncio.Event()

    async def wait(self) -> Literal[True]:
        self.waited_for.set()
        return await super().wait()


async def test_a_question_waits_until_there_is_something_new(desk: Desk, http: aiohttp.ClientSession) -> None:
    desk._changed = changed = Watched()
    asked = asyncio.create_task(news(http))
    await changed.waited_for.wait()
    desk.write("at last\n")
    assert (await asked)["lines"] == ["at last"]


async def test_a_question_is_answered_with_nothing_after_a_while(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "WAIT_S", 0.001)
    said = await news(http)
    assert (said["lines"], said["code"]) == ([], None)


async def test_how_it_ended_is_told_at_once(desk: Desk, http: aiohttp.ClientSession) -> None:
    desk.over(2, ["a world did not start"])
    said = await news(http)
    assert (said["code"], said["errors"]) == (2, ["a world did not start"])
    assert desk.code == 2


async def test_a_cell_that_ended_changes_what_is_told_of_the_files(
    desk: Desk, run: Run, http: aiohttp.ClientSession
) -> None:
    desk.write("begun\n")
    before = (await news(http))["files"]
    save(run, run.plan[0], EFFECTS[run.plan[0].arm])
    after = (await news(http))["files"]
    assert before != after == digest((run.folder / CHECKSUMS).read_bytes())


async def test_files_are_given_once_they_count(run: Run, http: aiohttp.ClientSession) -> None:
    cell = run.plan[0]
    name = f"cells/{cell.id}.json"
    (run.folder / name).write_text("half of a rec")
    async with http.get(f"/files/{name}") as answer:
        assert answer.status == 400
    save(run, cell, EFFECTS[cell.arm])
    for each in (name, f"cells/{cell.id}.csv.gz", CHECKSUMS, "run.json"):
        async with http.get(f"/files/{each}") as answer:
            assert await answer.read() == (run.folder / each).read_bytes()


@pytest.mark.parametrize("name", ["..%2Frun.json", "%2Fetc%2Fpasswd", "cells/none.json"])
async def test_nothing_but_the_runs_files_is_given(http: aiohttp.ClientSession, name: str) -> None:
    async with http.get(f"/files/{name}") as answer:
        assert answer.status in (400, 404)


@pytest.mark.parametrize("headers", [{"x-goaround-token": "another"}, {"x-goaround-token": ""}])
@pytest.mark.parametrize("path", ["/news?after=0", "/files/run.json", "/collected", "/nothing"])
async def test_without_the_token_nothing_is_told(
    desk: Desk, http: aiohttp.ClientSession, path: str, headers: dict[str, str]
) -> None:
    method = "POST" if path == "/collected" else "GET"
    async with http.request(method, path, headers=headers) as answer:
        assert answer.status == 403
        assert (await answer.json())["message"] == "x-goaround-token: is missing, or not this run's"
    assert not await desk.collected(0)


async def test_whether_it_lives_is_told_to_everybody(http: aiohttp.ClientSession) -> None:
    async with http.get("/livez", headers={"x-goaround-token": ""}) as answer:
        assert answer.status == 200


async def test_a_number_that_is_none_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.get("/news", params={"after": "-1"}) as answer:
        assert answer.status == 400


async def test_the_results_are_waited_for_until_they_are_fetched_or_for_a_while(
    desk: Desk, http: aiohttp.ClientSession
) -> None:
    assert not await desk.collected(0)
    async with http.post("/collected") as answer:
        assert answer.status == 204
    assert await desk.collected(60)


async def test_a_token_that_is_no_utf_8_is_none(desk: Desk) -> None:
    async with desk.open(0, "127.0.0.1") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /news HTTP/1.1\r\nHost: desk\r\nx-goaround-token: schl\xfcssel\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"403"
        writer.close()
        await writer.wait_closed()
