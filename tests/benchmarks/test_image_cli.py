"""One command makes both images that a cluster needs; here the engine is a script that writes down what it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.conftest import Told


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the engine's arguments are written to."""
    folder, written = tmp_path / "bin", tmp_path / "told"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(f'#!/bin/sh\necho "$@" >> {written}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return written


def test_services_and_harness_are_built_of_the_same_base_and_saved_beside_each_other(
    told: Told, engine: Path, tmp_path: Path
) -> None:
    file = tmp_path / "goaround.tar"
    code, out, _ = told("image", "--tag", "team/goaround:1", "--base", "python:3", "--save", file)
    assert code == 0
    assert out.splitlines() == [
        "built team/goaround:1 with docker",
        f"wrote {file}",
        "built team/goaround-bench:1 with docker",
        f"wrote {tmp_path / 'goaround-bench.tar'}",
    ]
    _, first, saved, second, saved_too = engine.read_text().splitlines()
    assert first == "build --file services/Dockerfile --tag team/goaround:1 --build-arg BASE=python:3 ."
    assert saved == f"save --output {file} team/goaround:1"
    assert second == "build --file benchmarks/Dockerfile --tag team/goaround-bench:1 --build-arg BASE=python:3 ."
    assert saved_too == f"save --output {tmp_path / 'goaround-bench.tar'} team/goaround-bench:1"


def test_nothing_is_built_when_one_of_the_archives_is_there_already(told: Told, engine: Path, tmp_path: Path) -> None:
    (tmp_path / "goaround-bench.tar").touch()
    code, _, err = told("image", "--save", tmp_path / "goaround.tar")
    assert (code, "goaround-bench.tar exists already" in err) == (2, True)
    assert engine.read_text().splitlines() == ["info"]
