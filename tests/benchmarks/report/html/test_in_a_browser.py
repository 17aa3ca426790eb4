"""The report as a browser shows it: nothing in its console, nothing fetched, nothing wider than the window."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import report as reports
from tests.benchmarks.synthetic import EFFECTS, Effect, write_run
from tests.browser import browser, needs_browser

EFFECTS_OF_FOUR = {**EFFECTS, "sidecar": Effect(availability=0.7, proxy_cpu_s=1.0)}


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_run(
        tmp_path_factory.mktemp("run"), scenarios=("steady", "error-burst"), effects=EFFECTS_OF_FOUR, repetitions=5
    )
    reports.save(run)
    return run.folder / "report.html"


@needs_browser
async def test_a_browser_has_nothing_to_complain_of_in_light_and_dark_wide_and_narrow(page_file: Path) -> None:
    async with browser() as page:
        for width, dark in ((1280, False), (1280, True), (400, False), (400, True)):
            await page.look(width=width, dark=dark)
            await page.open(page_file.as_uri())
            assert not page.errors
            assert await page.evaluate("performance.getEntriesByType('resource').length") == 0
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            colour = await page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert colour == ("rgb(20, 24, 28)" if dark else "rgb(251, 250, 247)")


@needs_browser
async def test_pictures_have_a_size_and_each_link_leads_to_its_section(page_file: Path) -> None:
    async with browser() as page:
        await page.look(width=1280)
        await page.open(page_file.as_uri())
        assert await page.evaluate(
            "[...document.querySelectorAll('svg')].every(one => one.getBoundingClientRect().height > 40)"
        )
        assert await page.evaluate(
            "[...document.querySelectorAll('a')].every(one => document.querySelector(one.getAttribute('href')))"
        )


@needs_browser
async def test_what_scrolls_can_be_reached_by_the_keyboard(page_file: Path) -> None:
    async with browser() as page:
        await page.look(width=400)
        await page.open(page_file.as_uri())
        out_of_reach = await page.evaluate(
            "[...document.querySelectorAll('main *')].filter(one => one.scrollWidth > one.clientWidth + 1"
            " && ['auto', 'scroll'].includes(getComputedStyle(one).overflowX)"
            " && one.tabIndex < 0).map(one => one.tagName + '.' + one.className)"
        )
        assert out_of_reach == []
