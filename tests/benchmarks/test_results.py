"""The results store: what is kept, what a killed bench leaves, what is said when the disk or a file is bad."""

from __future__ import annotations

import errno
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from benchmarks import failed_calls
from benchmarks.errors import BadInput, CannotWrite
from benchmarks.plan import Cell
from benchmarks.results import open_run, read_rows, runs
from loadtests.rows import RowsFile
from tests.benchmarks.synthetic import EFFECTS, save, write_run


def voided(cell: object, record: dict[str, Any]) -> None:
    record["void"] = ["fault not proven to fire"]


def test_a_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=2)
    again = open_run("synthetic", tmp_path)
    assert again.header == run.header
    assert again.plan == run.plan
    assert [cell.record.cell for cell in again.measured()] == [cell.id for cell in run.plan]
    assert again.measured() == run.measured()
    assert all(len(cell.rows) > 100 for cell in again.measured())


def test_the_files_are_those_of_the_contract(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1)
    assert {path.name for path in run.folder.iterdir()} == {"run.json", "cells", "checksums.txt"}
    assert {path.name for path in (run.folder / "cells").iterdir()} == {
        f"r1-error-burst-{arm}.{suffix}" for arm in EFFECTS for suffix in ("csv.gz", "json")
    }
    record = json.loads((run.folder / "cells" / "r1-error-burst-mesh.json").read_text())
    assert (record["schema"], record["cell"], record["try"], record["policies"]) == (
        1, "r1-error-burst-mesh", 1, "matched",
    )  # fmt: skip


def test_the_same_run_is_written_to_the_byte_every_time(tmp_path: Path) -> None:
    one, two = write_run(tmp_path / "a", repetitions=1), write_run(tmp_path / "b", repetitions=1)
    assert (one.folder / "checksums.txt").read_text() == (two.folder / "checksums.txt").read_text()


def test_what_is_missing_is_the_rest_of_the_plan_in_order(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=3, only=lambda cell: cell.repetition == 2)
    assert run.finished() == {f"r2-error-burst-{arm}" for arm in EFFECTS}
    assert run.missing() == [cell for cell in run.plan if cell.repetition != 2]


def test_a_void_try_is_kept_beside_the_good_one_and_leaves_its_cell_missing_until_then(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1, change=voided, only=lambda cell: cell.arm == "mesh")
    cell = next(cell for cell in run.plan if cell.arm == "mesh")
    assert cell in run.missing()
    save(run, cell, EFFECTS["mesh"])
    assert cell not in run.missing()
    assert [(record.attempt, bool(record.void)) for record in run.records()] == [(1, True), (2, False)]
    assert (run.folder / "cells" / "r1-error-burst-mesh.try2.csv.gz").exists()


def test_a_cell_that_was_void_before_the_load_has_a_record_and_no_rows(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1, only=lambda cell: False)
    run.save(run.plan[0], {"started": "2026-01-02T03:04:05Z", "void": ["not clean"]})
    (only,) = run.measured()
    assert only.rows == ()


@pytest.mark.parametrize("lost", ["checksums", "record"])
def test_a_cell_that_a_killed_bench_left_half_written_is_run_again(tmp_path: Path, lost: str) -> None:
    run = write_run(tmp_path, repetitions=1, only=lambda cell: cell.arm != "mesh")
    cell = next(cell for cell in run.plan if cell.arm == "mesh")
    sums = (run.folder / "checksums.txt").read_text()
    save(run, cell, EFFECTS["mesh"])
    (run.folder / "checksums.txt").write_text(sums)
    if lost == "record":
        (run.folder / "cells" / f"{cell.id}.json").unlink()
    again = open_run("synthetic", tmp_path)
    assert again.missing() == [cell]
    assert again.verify() == []
    save(again, cell, EFFECTS["mesh"])
    assert again.missing() == []
    assert again.verify() == []


def test_what_a_killed_bench_left_of_a_try_is_no_part_of_the_next_one(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1, only=lambda cell: False)
    cell = run.plan[0]
    rows = run.begin(cell)
    RowsFile(rows).write([])
    failed_calls.write(failed_calls.beside(rows), [{"request_id": "7-1"}])
    assert open_run("synthetic", tmp_path).begin(cell) == rows
    record = run.save(cell, {"started": "2026-01-02T03:04:05Z", "void": ["not clean"]})
    assert run.calls(record) is None
    assert run.checksums().keys() == {"run.json", f"cells/{cell.id}.json"}


def test_verification_names_what_was_changed_or_is_gone(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1)
    assert run.verify() == []
    changed, gone = run.folder / "cells/r1-error-burst-mesh.json", run.folder / "cells/r1-error-burst-none.csv.gz"
    changed.write_text(changed.read_text().replace("received", "Received"))
    gone.unlink()
    wrong = run.verify()
    assert len(wrong) == 2
    assert f"{changed}: is not what the bench wrote" in wrong[0]
    assert f"{gone}: No such file" in wrong[1]


def test_a_note_is_kept_once_and_verifies(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1)
    run.note("interrupted once")
    run.note("interrupted once")
    assert open_run("synthetic", tmp_path).header.notes == ("interrupted once",)
    assert run.verify() == []


def test_a_run_of_the_same_name_is_not_overwritten(tmp_path: Path) -> None:
    write_run(tmp_path, repetitions=1)
    with pytest.raises(BadInput, match="there is a run of this name already"):
        write_run(tmp_path, repetitions=1)


def test_a_place_that_cannot_be_written_is_one_sentence_with_the_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotWrite, match=r"cannot write .*file/synthetic: Not a directory; free some space"):
        write_run(tmp_path / "file", repetitions=1)


def test_a_full_disk_is_one_sentence_and_leaves_the_cell_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path, repetitions=1, only=lambda cell: cell.arm != "mesh")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match=r"cannot write .*mesh\.csv\.gz: No space left on device"):
        save(run, run.missing()[0], EFFECTS["mesh"])
    monkeypatch.undo()
    assert [cell.arm for cell in run.missing()] == ["mesh"]
    assert not list(run.folder.rglob("*.part"))


def test_an_unknown_run_is_answered_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none yet: `goaround bench` makes one"):
        open_run("other", tmp_path)
    write_run(tmp_path, repetitions=1)
    assert runs(tmp_path) == ["synthetic"]
    with pytest.raises(BadInput, match=r"no run 'other' in .*; choose one of: synthetic"):
        open_run("other", tmp_path)


def test_a_run_can_be_opened_by_the_path_of_its_folder(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1)
    assert open_run(run.folder, tmp_path / "elsewhere").name == "synthetic"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "schema: 2 cannot be read by this version"),
        ({"seed": "seven"}, 'seed: "seven" is not right'),
        ({"colour": "red"}, "colour: no such field"),
    ],
)
def test_a_header_that_is_not_ours_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    header = write_run(tmp_path, repetitions=1).folder / "run.json"
    header.write_text(json.dumps({**json.loads(header.read_text()), **change}))
    with pytest.raises(BadInput, match=said):
        open_run("synthetic", tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"index,at\n0,1\n"), gzip.compress(b"x" * 9999)[:40]],
    ids=["empty", "not gzip", "other columns", "cut off"],
)
def test_rows_that_cannot_be_read_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r1.csv.gz"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"r1\.csv\.gz: these are no rows of a cell"):
        read_rows(path)


def test_a_record_of_another_shape_is_a_defect_of_the_writer(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1, only=lambda cell: False)
    with pytest.raises(ValidationError, match="extra_forbidden"):
        run.save(run.plan[0], {"started": "now", "typo": 1})
    assert run.records() == []


def unproven(cell: Cell, record: dict[str, Any]) -> None:
    if cell.arm == "mesh":
        voided(cell, record)
        record["fault"] = {"fired": {"image-analysis-0": 0}, "gone": {"image-analysis-0": True}, "probes": {}}


@pytest.mark.parametrize(
    ("fault", "proven"),
    [
        ({"fired": {"a-0": 3}, "gone": {"a-0": True}}, True),
        ({"fired": {"a-0": 3, "a-1": 0}, "gone": {"a-0": True, "a-1": True}}, False),
        ({"fired": {"a-0": 3}, "gone": {"a-0": False}}, False),
        ({"fired": {}, "gone": {}}, False),
        (None, False),
    ],
)
def test_a_fault_is_proven_by_every_victim_that_it_acted_and_is_gone(
    tmp_path: Path, fault: dict[str, Any] | None, proven: bool
) -> None:
    def change(_cell: Cell, record: dict[str, Any]) -> None:
        record["fault"] = fault

    run = write_run(tmp_path, repetitions=1, change=change, only=lambda cell: cell.arm == "mesh")
    assert [record.proven("fault") for record in run.records()] == [proven]


def test_cells_whose_fault_no_try_has_proven_are_named(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1, change=unproven)
    assert run.unproven() == ["r1-error-burst-mesh"]
    save(run, next(cell for cell in run.plan if cell.arm == "mesh"), EFFECTS["mesh"])
    assert run.unproven() == []


def test_a_cell_whose_action_did_not_take_place_is_named_too(tmp_path: Path) -> None:
    def stuck(_cell: Cell, record: dict[str, Any]) -> None:
        record["fault"] = None
        record["action"] = {"fired": {"collector-0": 1, "collector-1": 0}, "gone": {"collector-0": True}}

    run = write_run(tmp_path, scenarios=("rolling-restart",), effects={"none": EFFECTS["none"]}, change=stuck)
    assert run.unproven() == [cell.id for cell in run.plan]


def test_a_scenario_without_a_fault_has_none_to_prove(tmp_path: Path) -> None:
    assert write_run(tmp_path, scenarios=("steady",), repetitions=1).unproven() == []
