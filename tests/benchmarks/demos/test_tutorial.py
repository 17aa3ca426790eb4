"""A document's outputs are found, and written anew without touching anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import tutorial_cli
from benchmarks.cli import app
from benchmarks.demos import transcript
from benchmarks.demos.tutorial import FILE, rewritten, shown
from benchmarks.errors import BadInput
from k8s.local.target import LocalTarget

TEXT = """# Page
```console
$ goaround demo load
load: old
```

Between, `goaround demo load`.

```console
$ goaround demo retries --mode library
```
```console
$ goaround status
```
"""


def test_the_commands_are_found_in_their_order_with_what_they_printed() -> None:
    found = [(one.demo.name, one.in_library, one.printed) for one in shown(TEXT)]
    assert found == [("load", False, "load: old\n"), ("retries", True, "")]


def test_outputs_are_replaced_and_all_else_stays() -> None:
    made = rewritten(TEXT, {"goaround demo load": "load: new\n", "goaround demo retries --mode library": "a\nb\n"})
    assert made == TEXT.replace("load: old", "load: new").replace("library\n", "library\na\nb\n")


def test_writing_what_stands_there_changes_nothing() -> None:
    text = FILE.read_text()
    assert rewritten(text, {one.command: one.printed for one in shown(text)}) == text


def test_what_is_no_demonstration_is_refused_by_line_and_so_is_a_page_without_any() -> None:
    wrong = TEXT.replace("demo load", "demo laod", 1).replace("--mode library", "--mod library")
    with pytest.raises(BadInput) as refused:
        shown(wrong, "page.md")
    assert [problem.partition(": must")[0] for problem in refused.value.problems] == [
        "page.md:3: goaround demo laod",
        "page.md:10: goaround demo retries --mod library",
    ]
    with pytest.raises(BadInput, match="shows no output of `goaround demo NAME`"):
        shown("# Page\n")


def test_a_page_is_written_from_a_real_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tutorial_cli, "LocalTarget", lambda: LocalTarget(tmp_path / "state"))
    page = tmp_path / "page.md"
    page.write_text("Before.\n```console\n$ goaround demo deploy-app-default\nold\n```\nAfter.\n")
    result = CliRunner().invoke(app, ["tutorial", str(page)])
    assert result.exit_code == 0, result.output
    before, _, rest = page.read_text().partition("$ goaround demo deploy-app-default\n")
    printed, _, after = rest.partition("```")
    assert (before, after) == ("Before.\n```console\n", "\nAfter.\n")
    documented = {one.command: one.printed for one in shown(FILE.read_text())}
    assert transcript.normal(printed) == transcript.normal(documented["goaround demo deploy-app-default"])
    assert "old" not in printed
