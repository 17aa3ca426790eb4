"""The effect plot as a file of its own."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.errors import BadInput
from tests.benchmarks.report.test_report import printed
from tests.benchmarks.synthetic import EFFECTS, write_run
from tests.browser import browser, needs_browser

SVG = "{http://www.w3.org/2000/svg}"


def test_every_comparison_is_in_the_picture_with_its_verdict(tmp_path: Path) -> None:
    picture = ElementTree.fromstring(printed(write_run(tmp_path), "svg"))  # noqa: S314 - our own file
    words = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"library vs none", "mesh vs none", "mesh vs library"} <= set(words)
    drawn = [shape.get("class") for shape in picture.iter(f"{SVG}circle")]
    assert len(drawn) == 3
    assert "verdict better" in drawn


def test_one_arm_alone_has_no_picture(tmp_path: Path) -> None:
    run = write_run(tmp_path, effects={"mesh": EFFECTS["mesh"]})
    with pytest.raises(BadInput, match="nothing was compared in this run"):
        printed(run, "svg")


@needs_browser
async def test_it_is_seen_by_itself_in_light_and_dark(tmp_path: Path) -> None:
    file = tmp_path / "effects.svg"
    file.write_text(printed(write_run(tmp_path), "svg"))
    async with browser() as page:
        for dark, colour in ((False, "rgb(255, 255, 255)"), (True, "rgb(27, 33, 39)")):
            await page.look(width=1280, dark=dark)
            await page.open(file.as_uri())
            assert not page.errors
            assert await page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == colour
