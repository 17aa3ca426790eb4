"""`goaround load-ui`, in a real browser: a form that explains itself, a run in each mode, and their reports."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from benchmarks import results
from tests.browser import Page, browser, needs_browser
from tests.loadtests.servers import nobody

GOAROUND = Path(sys.executable).with_name("goaround")
START = """(() => {
  for (const [name, value] of Object.entries(%s)) document.querySelector(`[name=${name}]`).value = value;
  document.querySelector("button[type=submit]").click();
})()"""
TAB = "[...document.querySelectorAll('[role=tab]')].find((tab) => tab.textContent.includes('Edges'))"
NEW = "[...document.querySelectorAll('button')].find((button) => button.textContent.trim() === 'New')"
CHART = "document.querySelector('#goaround svg')"
LONG_S = 150.0
"""A machine that is busy with other tests starts a world slowly."""
LINKS = "[...document.querySelectorAll('#goaround a')].map((link) => link.href)"


@asynccontextmanager
async def load_ui(folder: Path) -> AsyncIterator[str]:
    """Start the command; at the end, Ctrl-C, and nothing that it started is left."""
    port = nobody().rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        *(GOAROUND, "load-ui", "--mode", "library", "--port", port, "--results", folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        while b"Starting web interface" not in (line := await process.stdout.readline()):
            assert line, "the page did not start"
        yield f"http://127.0.0.1:{port}/"
        reading = asyncio.create_task(process.stdout.read())
        there = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        said = (await asyncio.wait_for(reading, LONG_S)).decode()
        assert await process.wait() == 0, said
        assert not [each for each in there if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def start(page: Page, **fields: str) -> None:
    await page.until("document.querySelector('[name=mode]')")
    await page.evaluate(START % json.dumps(fields))


async def run(page: Page, number: int, **fields: str) -> None:
    """Start a run, and wait until it is kept; while it lasts, the tab must fill and the phases be drawn."""
    await start(page, **fields)
    if number > 1:  # a world that is started first takes a while, in which nothing of the run before may be shown
        await page.until(f"!{CHART}", LONG_S)
    await page.until(CHART, LONG_S)
    await page.until(TAB)
    await page.evaluate(f"{TAB}.click()")
    await page.until("/collector->image-analysis\\s*[1-9]/.test(document.querySelector('table').innerText)")
    phases = await page.evaluate("[...document.querySelectorAll('#goaround svg text')].map((text) => text.textContent)")
    assert {"steady", "fault", "recovery"} <= set(phases)
    await page.until(f"{LINKS}.length === {number}", LONG_S)


@needs_browser
@pytest.mark.timeout(600)
async def test_a_run_in_each_mode_is_watched_kept_and_reported_without_a_restart(tmp_path: Path) -> None:
    async with load_ui(tmp_path) as url, browser() as page:
        await page.open(url)
        await start(page, rate="many", seed="-1")
        await page.until("document.querySelector('[role=alert]')")
        reason = await page.evaluate("document.querySelector('[role=alert]').textContent")
        assert "rate: 'many' is not right" in reason
        assert "seed: -1 is not right" in reason
        for number, mode in enumerate(("library", "mesh"), start=1):
            await run(page, number, mode=mode, scenario="bad-replica", rate="20", seed="7")
            await page.until(NEW, LONG_S)
            await page.evaluate(f"{NEW}.click()")
        links = await page.evaluate(LINKS)
        assert page.errors == []
        for link in links:
            await page.open(link)
            assert "bad-replica" in await page.evaluate("document.body.innerText")
        assert page.errors == []
    kept = [results.open_run(name, tmp_path) for name in results.runs(tmp_path)]
    assert [[arm.mode for arm in one.header.arms] for one in kept] == [["library"], ["mesh"]]
    assert len({one.header.seed for one in kept}) == 1
    assert all(one.verify() == [] for one in kept)
    first, second = ([(row.index, row.at) for row in one.measured()[0].rows] for one in kept)
    assert first == second != []
    assert re.search(r"locust-mesh$", kept[1].name)
