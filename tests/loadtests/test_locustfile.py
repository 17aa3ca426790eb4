"""The load as a plain Locust test, headless and in the web UI."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from loadtests.rows import Outcome, read_rows
from tests.loadtests.servers import answering, nobody, serving

LOCUSTFILE = Path(__file__).parents[2] / "loadtests" / "locustfile.py"


async def locust(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def headless(*arguments: str) -> tuple[int | None, str]:
    process = await locust("--headless", "--only-summary", *arguments)
    said, _ = await process.communicate()
    return process.returncode, said.decode()


def account(said: str) -> dict[str, Any]:
    found = re.search(r"generator: (\{.*\})", said)
    assert found, said
    return dict(json.loads(found[1]))


async def test_it_sends_the_schedule_open_loop_and_ends_by_itself() -> None:
    async with serving(answering(200)) as one, serving(answering(200)) as other:
        entries = f"{one.entry}, {other.entry}"
        load = ("--pattern", "constant", "--rate", "50", "--duration-s", "1")
        code, said = await headless("--entries", entries, *load)
    report = account(said)
    assert code == 0
    assert report["arrivals"] == report["sent"] == len(one.bodies) + len(other.bodies) == 50
    assert report["hidden_retries_off"] is True
    assert report["interrupted"] is False


async def test_two_tests_with_one_seed_do_not_send_the_same_frame_ids() -> None:
    async with serving(answering(200)) as server:
        for _ in range(2):
            await headless("--entries", server.entry, "--pattern", "constant", "--rate", "20", "--duration-s", "0.5")
    assert len({json.loads(body)["id"] for body in server.bodies}) == len(server.bodies) == 20


async def test_a_test_that_is_ended_early_says_so_and_loses_no_answer() -> None:
    async with serving(answering(200, after_s=0.3)) as server:
        process = await locust("--headless", "--only-summary", "--entries", server.entry, "-t", "60s")
        async with asyncio.timeout(20):
            while not server.bodies:  # noqa: ASYNC110 - the server keeps bodies, no events
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, _ = await process.communicate()
    report = account(said.decode())
    assert process.returncode == 0
    assert report["interrupted"] is True
    assert report["sent"] == len(server.bodies) > 0


async def test_locusts_own_run_time_is_the_length_of_the_load() -> None:
    async with serving(answering(200)) as server:
        load = ("--pattern", "constant", "--rate", "20", "-t", "2s", "-u", "7")
        code, said = await headless("--host", f"http://{server.entry}", *load)
    assert code == 0
    assert account(said)["arrivals"] == len(server.bodies) == 40
    assert "have no impact" not in said


async def test_failures_and_drops_are_failures_in_locusts_table_and_in_its_exit_code() -> None:
    async with serving(answering(503, after_s=0.5)) as server:
        load = ("--pattern", "constant", "--rate", "20", "--duration-s", "0.5", "--capacity", "3")
        code, said = await headless("--entries", server.entry, *load)
    assert code == 1
    assert "rejected: 503" in said
    assert "dropped: 3 requests in flight already" in said


async def test_bad_arguments_are_all_named_at_once_without_a_traceback() -> None:
    code, said = await headless("--rate", "many", "--pattern", "bursts", "--duration-s", "0", "--entries", "nowhere")
    assert code == 2
    for reason in ("rate: must be a valid number", "pattern: must be 'constant' or 'poisson'"):
        assert reason in said
    assert "duration_s: must be greater than 0" in said
    assert "entries: each must be host:port" in said
    assert "Traceback" not in said


@asynccontextmanager
async def web_ui(*arguments: str) -> AsyncIterator[str]:
    port = nobody().rpartition(":")[2]
    process = await locust("--web-host", "127.0.0.1", "--web-port", port, *arguments)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.communicate()


async def get(session: aiohttp.ClientSession, url: str) -> Any:
    async with asyncio.timeout(10):
        while True:
            try:
                async with session.get(url) as response:
                    return await response.json(content_type=None)
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)


async def swarm(session: aiohttp.ClientSession, ui: str, **fields: str) -> int:
    async with session.post(f"{ui}/swarm", data={"user_count": "1", "spawn_rate": "1", **fields}) as response:
        return response.status


async def state_is(session: aiohttp.ClientSession, ui: str, state: str) -> Any:
    async with asyncio.timeout(10):
        while (stats := await get(session, f"{ui}/stats/requests"))["state"] != state:  # noqa: ASYNC110 - polled over HTTP
            await asyncio.sleep(0.1)
    return stats


@pytest.mark.parametrize("attempts", [2])
async def test_the_web_ui_runs_the_load_that_its_form_says_again_and_again(attempts: int) -> None:
    async with serving(answering(200)) as server, web_ui() as ui, aiohttp.ClientSession() as session:
        await get(session, f"{ui}/stats/requests")
        form = {"rate": "20", "duration_s": "0.5", "pattern": "constant", "entries": server.entry}
        for attempt in range(1, attempts + 1):
            assert await swarm(session, ui, **form) == 200
            async with asyncio.timeout(10):
                while len(server.bodies) < 10 * attempt:  # noqa: ASYNC110 - the server keeps bodies, no events
                    await asyncio.sleep(0.05)
            stats = await state_is(session, ui, "stopped")
            assert stats["stats"][0]["num_requests"] == 10
    assert len(server.bodies) == 10 * attempts


async def test_the_web_ui_says_in_its_form_why_it_cannot_be_run() -> None:
    form = {"user_count": "0", "spawn_rate": "0", "rate": "many", "capacity": "0", "entries": "127.0.0.1:1"}
    async with web_ui() as ui, aiohttp.ClientSession() as session:
        await get(session, f"{ui}/stats/requests")
        async with session.post(f"{ui}/swarm", data=form) as response:
            answer = await response.json()
        stats = await get(session, f"{ui}/stats/requests")
    assert response.status == 200
    assert answer["success"] is False
    assert "rate: must be a valid number" in answer["message"]
    assert "capacity: must be greater than or equal to 1" in answer["message"]
    assert stats["state"] == "ready"


@pytest.mark.parametrize("workers", [2])
async def test_a_master_and_its_workers_send_what_one_process_sends(tmp_path: Path, workers: int) -> None:
    load = ("--rate", "60", "--duration-s", "1", "--seed", "11")
    async with serving(answering(200)) as one, serving(answering(200)) as other:
        entries = ("--entries", f"{one.entry},{other.entry}")
        _, said = await headless(*entries, *load, "--rows", str(tmp_path / "alone"))
        alone = account(said)
        port = nobody().rpartition(":")[2]
        there = [await locust("--worker", "--master-port", port) for _ in range(workers)]
        master = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port)
        code, said = await headless(
            *master, "--expect-workers", str(workers), *entries, *load, "--rows", str(tmp_path / "shared")
        )
        ended = [(await worker.communicate(), worker.returncode)[1] for worker in there]
    assert code == 0, said
    assert ended == [0] * workers
    rows, shared = read_rows(tmp_path / "alone"), read_rows(tmp_path / "shared")
    assert [(row.index, row.at, row.entry) for row in shared] == [(row.index, row.at, row.entry) for row in rows]
    images = [[json.loads(body)["image"] for body in server.bodies] for server in (one, other)]
    assert all(sorted(each) == sorted(2 * list(set(each))) for each in images)  # each photo once by each
    assert {row.outcome for row in shared} == {Outcome.SUCCESS}
    report = account(said)
    assert report["arrivals"] == report["sent"] == alone["arrivals"] == len(rows)
    assert report["interrupted"] is False
