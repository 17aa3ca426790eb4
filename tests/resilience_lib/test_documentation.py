"""What docs/policies.md shows is run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
SAID = ("200 news 2", "200")
"""What each of them prints last."""


def test_there_are_as_many_as_are_expected() -> None:
    assert len(SNIPPETS) == len(SAID)


@pytest.mark.parametrize(("snippet", "said"), [*zip(SNIPPETS, SAID, strict=False)], ids=["plain", "aiohttp"])
def test_a_snippet_runs_and_prints_what_its_comment_says(snippet: str, said: str) -> None:
    done = subprocess.run(  # noqa: S603 - the page is ours
        [sys.executable, "-c", snippet], capture_output=True, text=True, check=False, cwd=PAGE.parents[1]
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == said
    assert f"# {said}" in snippet
