"""The HTML report: one file that needs nothing else, with every section, and nothing of a run's text as markup."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report as reports
from benchmarks.parity import edges, kept
from benchmarks.plan import Cell
from benchmarks.report.evidence import comparisons, evidence
from benchmarks.report.html import render
from benchmarks.report.html.page import ELSEWHERE
from benchmarks.report.table import Caution, Report
from benchmarks.results import Run
from tests.benchmarks.report.test_report import printed
from tests.benchmarks.synthetic import write_run

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;'
VOID = {"meta", "br", "link", "img"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and complains of what is closed wrongly."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("run"), scenarios=("steady", "error-burst"), notes=(HOSTILE,))


@pytest.fixture(scope="module")
def page(run: Run) -> Page:
    return Page(printed(run, "html"))


def test_the_parity_that_a_run_keeps_is_told_edge_by_edge(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    run.header = run.header.model_copy(update={"policies": {"parity": {"matched": kept(edges("matched"))}}})
    words = Page(printed(run, "html")).words
    assert any(each.startswith("Parity under matched:") for each in words)
    assert any("-> image-analysis" in each for each in words)
    assert "maxEjectionPercent image-analysis.yaml:36" in " ".join(words)


def test_every_table_of_a_report_is_on_the_page_with_all_its_scenarios(tmp_path: Path) -> None:
    def rolled(cell: Cell, record: dict[str, Any]) -> None:
        if cell.scenario == "rolling-restart":
            record["action"] = {"fired": {"image-analysis-0": 1}, "gone": {"image-analysis-0": True}}
        if cell.repetition == 2:
            record["void"] = ["it was busy"]

    scenarios = ("error-burst", "bad-replica", "rolling-restart")
    one, other = (
        write_run(tmp_path, name=name, scenarios=scenarios, repetitions=2, change=rolled) for name in ("one", "other")
    )
    for shown, text in (
        (reports.report(one), printed(one, "html")),
        (reports.side_by_side(one, other), printed((one, other), "html")),
    ):
        words = Page(text).words
        assert {"course", "action", "amplification", "voids"} <= {each.key for each in shown.tables}
        for each in shown.tables:
            times = 1 if each.key in ELSEWHERE else len(set(each.groups))
            assert words.count(each.title) >= times, each.key


def test_every_section_is_there_and_every_link_leads_to_one(page: Page) -> None:
    ids = {value for name, value in page.attributes if name == "id"}
    assert ids == {"summary", "scenario-steady", "scenario-error-burst", "cost", "policies", "environment", "validity"}
    assert {value for name, value in page.attributes if name == "href"} == {f"#{one}" for one in ids}


def test_nothing_is_fetched_and_nothing_runs(page: Page) -> None:
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset")]
    assert "url(" not in "".join(page.words)
    assert "@import" not in "".join(page.words)


def test_text_of_a_run_is_shown_as_it_is_written_and_is_no_markup(page: Page) -> None:
    assert HOSTILE in page.words


def test_a_hostile_name_stays_within_titles_and_labels(run: Run) -> None:
    found = evidence(run)
    shown = Report(HOSTILE, (HOSTILE, HOSTILE), (), (HOSTILE,), (Caution(HOSTILE, HOSTILE),))
    tags = Page(render(shown, found, comparisons(found))).tags
    assert "script" not in tags
    assert "img" not in tags


def test_every_picture_has_words_for_those_who_do_not_see_it(page: Page) -> None:
    pictures = page.tags.count("svg")
    # Effects, cost, and for each scenario: over time, percentiles, heat maps.
    assert pictures >= 2 + 2 * 3
    assert len([value for name, value in page.attributes if name == "aria-label" and value]) >= pictures


def test_every_comparison_is_a_row_of_the_effect_plot(run: Run, page: Page) -> None:
    words = " ".join(page.words)
    for one in comparisons(evidence(run)):
        assert f"{one.scenario}, {one.arm} vs {one.base}: " in words


def test_the_same_run_gives_the_same_page(run: Run) -> None:
    assert printed(run, "html") == printed(run, "html")


def test_a_run_without_a_good_cell_still_has_a_page(tmp_path: Path) -> None:
    def void(_: Cell, record: dict[str, Any]) -> None:
        record["void"] = ["it was busy"]

    words = Page(printed(write_run(tmp_path, repetitions=1, change=void), "html")).words
    assert "it was busy" in words


def test_the_policies_are_those_of_each_arm(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1)
    kept = {"times": None, "arms": {"mesh": {"istio": [], "library": '{"a-callee": {}}'}}}
    run.header = run.header.model_copy(update={"policies": kept})
    words = Page(printed(run, "html")).words
    listed = next(word for word in words if "a-callee" in word)
    assert words[words.index(listed) - 1] == "mesh"
    assert "times" not in words
