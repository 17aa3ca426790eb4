"""A run's folder travels into a cluster, and is the same run there."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cluster import archive
from benchmarks.cluster.archive import pack, unpack
from benchmarks.errors import BadInput
from tests.benchmarks.synthetic import write_run


def test_a_run_arrives_with_its_header_and_nothing_measured(tmp_path: Path) -> None:
    run = write_run(tmp_path / "here", repetitions=2, only=lambda cell: False)
    there = unpack(pack(run), tmp_path / "there")
    assert there.header == run.header
    assert there.folder == tmp_path / "there" / run.name
    assert there.missing() == run.plan


def test_a_run_that_goes_on_knows_there_what_is_measured_already(tmp_path: Path) -> None:
    run = write_run(tmp_path / "here", repetitions=2, only=lambda cell: cell.repetition == 1)
    there = unpack(pack(run), tmp_path / "there")
    assert there.records() == run.records()
    assert there.missing() == run.missing()
    assert there.checksums() == run.checksums()
    assert not list((there.folder / "cells").glob("*.csv.gz"))


def test_rows_travel_only_where_they_decide_when_to_stop(tmp_path: Path) -> None:
    run = write_run(tmp_path / "here", repetitions=1)
    run.header = run.header.model_copy(update={"until_narrow": True})
    there = unpack(pack(run), tmp_path / "there")
    assert there.rows(there.records()[0]) == run.rows(run.records()[0])


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1)
    assert pack(run) == pack(run)


def test_a_run_that_is_too_large_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "ARCHIVE_LIMIT", 100)
    with pytest.raises(BadInput, match=r"MiB in gzip, and a Job's ConfigMap takes .*: run fewer scenarios"):
        pack(write_run(tmp_path, repetitions=1))


def test_files_that_are_not_there_any_more_are_told_all_at_once(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1)
    run.header = run.header.model_copy(update={"until_narrow": True})
    gone = sorted((run.folder / "cells").glob("*.csv.gz"))[:2]
    for file in gone:
        file.unlink()
    with pytest.raises(BadInput) as refused:
        pack(run)
    assert sorted(refused.value.problems[:-1]) == [f"{file}: is not there" for file in gone]
    assert refused.value.problems[-1].startswith(f"{run.folder}: what was measured is not whole")


@pytest.mark.parametrize("content", [b"", b"nothing of the kind"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadInput, match="the archive of the run cannot be read"):
        unpack(content, tmp_path)
