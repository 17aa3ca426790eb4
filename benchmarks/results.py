"""The results store: a folder per run, from which alone every table can be made again.

    RUN/run.json            the Header: plan, seeds, scenarios, environment, policies
    RUN/cells/ID.csv.gz     a row per arrival          (a second try of a void cell: ID.try2.csv.gz)
    RUN/cells/ID.calls.jsonl.gz  a line for each call of the requests that failed, where any did
    RUN/cells/ID.json       the Record
    RUN/checksums.txt       SHA-256 of all of these, in sha256sum's format

A cell counts from the moment checksums.txt names its record: that line is written last. Whatever a killed bench left
half-done is not named there, is not read, and is run again on resume.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from benchmarks import failed_calls
from benchmarks.errors import BadInput
from benchmarks.plan import Cell
from benchmarks.problems import explain
from benchmarks.record import SCHEMA, ArmHeader, Header, PlannedCell, Record
from benchmarks.scenario import Scenario
from benchmarks.storage import digest, sync, write_whole, writing
from loadtests import rows as rows_file
from loadtests.rows import Row

FOLDER = Path(__file__).parent / "results"
HEADER = "run.json"
CHECKSUMS = "checksums.txt"

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Measured:
    """One cell as it is read back: its record, and a row per arrival (none when it was void before the load)."""

    record: Record
    rows: tuple[Row, ...]


class Run:
    """One run on disk. `header` is what run.json says; cells are read when they are asked for."""

    def __init__(self, folder: Path, header: Header) -> None:
        self.folder = folder
        self.header = header

    @property
    def name(self) -> str:
        """The run's name, which is its folder's."""
        return self.header.name

    @property
    def plan(self) -> list[Cell]:
        """The planned cells, in order."""
        return [Cell(**cell.model_dump()) for cell in self.header.plan]

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """The scenarios as they were run, by name."""
        return self.header.scenarios

    def begin(self, cell: Cell) -> Path:
        """Begin the next try of a cell: gives where the generator is to write its rows; calls go beside them.

        What a bench that was killed left there is removed: `save` keeps what it finds. Raises CannotWrite.
        """
        rows, calls = self._measured(cell, self.tries(cell) + 1)
        for left in (rows, calls):
            with writing(left):
                left.unlink(missing_ok=True)
        return rows

    def tries(self, cell: Cell) -> int:
        """How many tries of the cell are kept, void ones included."""
        return sum(record.cell == cell.id for record in self.records())

    def finished(self) -> set[str]:
        """Ids of the cells that have at least one try that is not void."""
        return {record.cell for record in self.records() if not record.void}

    def missing(self) -> list[Cell]:
        """Planned cells, in order, without a valid try: what is left for resume."""
        finished = self.finished()
        return [cell for cell in self.plan if cell.id not in finished]

    def unproven(self) -> list[str]:
        """Ids of the cells that were tried and whose fault or action was never proven, in any try: they show nothing.

        A cell that could not even begin, in any try, is one of them.
        """
        records = self.records()
        tried = {record.cell for record in records}
        proven = {record.cell for record in records if self._proven(record)}
        return [cell.id for cell in self.plan if cell.id in tried - proven]

    def _proven(self, record: Record) -> bool:
        scenario = self.scenarios[record.scenario]
        return all(record.proven(what) for what in ("fault", "action") if getattr(scenario, what))

    def ended(self) -> bool:
        """Whether every planned cell has been tried, valid or void."""
        return {record.cell for record in self.records()} == {cell.id for cell in self.plan}

    def save(self, cell: Cell, record: Mapping[str, Any]) -> Record:
        """Keep a cell: `record` has what was measured; who the cell is, is added here. Its rows lie where `begin` said.

        Raises CannotWrite; pydantic's ValidationError when the record is not of the documented shape.
        """
        attempt = self.tries(cell) + 1
        arm = next(arm for arm in self.header.arms if arm.name == cell.arm)
        whole = Record.model_validate(
            {
                **record,
                "schema": SCHEMA,
                "cell": cell.id,
                "scenario": cell.scenario,
                "arm": arm.name,
                "mode": arm.mode,
                "policies": arm.policies,
                "repetition": cell.repetition,
                "try": attempt,
                "seed": cell.seed,
            }
        )
        sums = self.checksums()
        for measured in self._measured(cell, attempt):
            if measured.exists():
                with writing(measured):
                    sync(measured)
                    sums[self._relative(measured)] = digest(measured.read_bytes())
        file = self._file_of(cell.id, attempt, "json")
        content = _json(whole)
        write_whole(file, content)
        self._write_checksums({**sums, self._relative(file): digest(content)})
        return whole

    def note(self, sentence: str) -> None:
        """Add a sentence that every report of this run must show. Raises CannotWrite."""
        if sentence not in self.header.notes:
            self.header = self.header.model_copy(update={"notes": (*self.header.notes, sentence)})
            self._write_header()

    def measured_in(self, environment: Mapping[str, Any], versions: Mapping[str, str]) -> None:
        """Tell what was true where the cells are measured, in place of what was known before. Raises CannotWrite."""
        told = {
            "environment": {**self.header.environment, **environment},
            "versions": {**self.header.versions, **versions},
        }
        self.header = self.header.model_copy(update=told)
        self._write_header()

    def reread(self) -> None:
        """Read the header again: somebody else has written it. Raises BadInput."""
        self.header = _read(self.folder / HEADER, Header)

    def stop(self, reason: str) -> None:
        """End the run before its last repetition: what was not begun is in its plan no more. Raises CannotWrite."""
        begun = {record.repetition for record in self.records()}
        plan = tuple(cell for cell in self.header.plan if cell.repetition in begun)
        self.header = self.header.model_copy(update={"plan": plan, "stopped": reason})
        self._write_header()

    def records(self) -> list[Record]:
        """Records of all kept tries, void ones included, in the order of the plan. Raises BadInput."""
        files = [
            self.folder / name for name in self.checksums() if name.startswith("cells/") and name.endswith(".json")
        ]
        position = {cell.id: index for index, cell in enumerate(self.plan)}
        found = [_read(file, Record) for file in files]
        if strange := sorted({record.cell for record in found} - set(position)):
            raise BadInput([f"{self.folder}: holds cells that are not in its plan: {', '.join(strange)}"])
        return sorted(found, key=lambda record: (position[record.cell], record.attempt))

    def measured(self) -> list[Measured]:
        """All kept tries with their rows, void ones included, in the order of the plan. Raises BadInput."""
        return [Measured(record, tuple(self.rows(record))) for record in self.records()]

    def verify(self) -> list[str]:
        """Compare every file with its checksum: a sentence for each that is missing or was changed. Raises BadInput."""
        wrong = []
        for name, expected in self.checksums().items():
            try:
                content = (self.folder / name).read_bytes()
            except OSError as error:
                wrong.append(f"{self.folder / name}: {error.strerror}")
                continue
            if digest(content) != expected:
                wrong.append(f"{self.folder / name}: is not what the bench wrote: its checksum differs")
        return wrong

    def calls(self, record: Record) -> Path | None:
        """Where the calls of a cell's failed requests are kept; None when none are."""
        path = self._file_of(record.cell, record.attempt, failed_calls.SUFFIX)
        return path if self._relative(path) in self.checksums() else None

    def rows(self, record: Record) -> Sequence[Row]:
        """Rows of one kept try; none when it was void before the load. Raises BadInput."""
        path = self._file_of(record.cell, record.attempt, "csv.gz")
        return read_rows(path) if self._relative(path) in self.checksums() else ()

    def _measured(self, cell: Cell, attempt: int) -> tuple[Path, Path]:
        """The files of a try beside its record: rows, and calls."""
        rows, calls = (self._file_of(cell.id, attempt, suffix) for suffix in ("csv.gz", failed_calls.SUFFIX))
        return rows, calls

    def _file_of(self, cell: str, attempt: int, suffix: str) -> Path:
        again = f".try{attempt}" if attempt > 1 else ""
        return self.folder / "cells" / f"{cell}{again}.{suffix}"

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def checksums(self) -> dict[str, str]:
        """SHA-256 of every file that counts, by its name in the folder. Raises BadInput."""
        path = self.folder / CHECKSUMS
        return parse_checksums(_text(path), str(path))

    def _write_checksums(self, sums: Mapping[str, str]) -> None:
        lines = "".join(f"{checksum}  {name}\n" for name, checksum in sorted(sums.items()))
        write_whole(self.folder / CHECKSUMS, lines.encode())

    def _write_header(self) -> None:
        content = _json(self.header)
        sums = self.checksums() if (self.folder / CHECKSUMS).exists() else {}
        write_whole(self.folder / HEADER, content)
        self._write_checksums({**sums, HEADER: digest(content)})


def create_run(
    name: str,
    *,
    created: str,
    seed: int,
    arms: Sequence[ArmHeader],
    scenarios: Sequence[Scenario],
    plan: Sequence[Cell],
    files: Mapping[str, str] | None = None,
    profile: str | None = None,
    environment: Mapping[str, Any] | None = None,
    policies: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    until_narrow: bool = False,
    one_world_at_a_time: bool = False,
    into: Path = FOLDER,
) -> Run:
    """Make the folder of a new run and write its header. `created` is ISO 8601.

    Raises CannotWrite, and BadInput when there is a run of that name already.
    """
    folder = into / name
    if folder.exists():
        raise BadInput([f"{folder}: there is a run of this name already; resume it, or choose another name"])
    header = Header(
        name=name,
        created=created,
        profile=profile,
        seed=seed,
        arms=tuple(arms),
        scenarios={scenario.name: scenario for scenario in scenarios},
        files=dict(files or {}),
        plan=tuple(PlannedCell(**asdict(cell)) for cell in plan),
        environment=dict(environment or {}),
        policies=dict(policies or {}),
        versions=dict(versions or {}),
        notes=tuple(notes),
        until_narrow=until_narrow,
        one_world_at_a_time=one_world_at_a_time,
    )
    with writing(folder):
        (folder / "cells").mkdir(parents=True)
    run = Run(folder, header)
    run._write_header()
    return run


def runs(within: Path = FOLDER) -> list[str]:
    """Names of the runs in a folder, oldest first by name."""
    return sorted(path.parent.name for path in within.glob(f"*/{HEADER}"))


def open_run(name_or_path: str | Path, within: Path = FOLDER) -> Run:
    """Open a run by its name, or by the path of its folder.

    Raises BadInput: an unknown name with the choices, a header that is not ours with all that is wrong with it.
    """
    known = within / str(name_or_path)
    folder = known if (known / HEADER).exists() else Path(name_or_path)
    if not (folder / HEADER).exists():
        choices = ", ".join(runs(within)) or "none yet: `goaround bench` makes one"
        raise BadInput([f"no run {str(name_or_path)!r} in {within}; choose one of: {choices}"])
    return Run(folder, _read(folder / HEADER, Header))


def parse_checksums(text: str, where: str) -> dict[str, str]:
    """SHA-256 by file, of what sha256sum writes. Raises BadInput, with `where` it was read."""
    pairs = [line.split("  ", 1) for line in text.splitlines() if line]
    if any(len(pair) != 2 for pair in pairs):
        raise BadInput([f"{where}: each line must be `SHA256  FILE`, as sha256sum writes it"])
    return {name: checksum for checksum, name in pairs}


def read_rows(path: Path) -> list[Row]:
    """Rows of one cell, in order of arrival. Raises BadInput when the file is missing, cut off, or not ours."""
    try:
        return rows_file.read_rows(path)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadInput([f"{path}: these are no rows of a cell: {error}"]) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput([f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from None


def _read(path: Path, model: type[M]) -> M:
    try:
        document = json.loads(_text(path))
    except ValueError as error:
        raise BadInput([f"{path}: not JSON: {error}"]) from None
    if not isinstance(document, dict):
        raise BadInput([f"{path}: must be a JSON object"])
    if document.get("schema") != SCHEMA:
        given = document.get("schema")
        raise BadInput([f"{path}: schema: {given!r} cannot be read by this version of goaround, which reads {SCHEMA}"])
    try:
        return model.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise BadInput(f"{path}: {problem}" for problem in explain(error, model, document)) from None


def _json(model: BaseModel) -> bytes:
    return (json.dumps(model.model_dump(mode="json", by_alias=True), indent=1) + "\n").encode()
