"""What the Job is told by its environment."""

from __future__ import annotations

from pathlib import Path

from benchmarks.cluster.harness import Settings


def test_settings_are_shown_without_the_token() -> None:
    assert "let-nobody-see" not in repr(Settings({}, Path("a"), Path("b"), 1.0, "let-nobody-see"))
