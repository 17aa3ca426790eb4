"""Records in SQLite, one for each frame.

One thread owns the connection and does the writing, so that neither the event loop nor a second writer waits.
`add` returns once the record is committed. In WAL with `synchronous=NORMAL` a commit survives `kill -9` of the
process (it is in the kernel's hands), but not a power cut: https://www.sqlite.org/pragma.html#pragma_synchronous
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

from services.runtime.pod import StoreError
from services.runtime.settings import BadSettings, Settings

T = TypeVar("T")

TABLE = """CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    frame TEXT NOT NULL,
    at REAL NOT NULL,
    persons INTEGER NOT NULL,
    body TEXT NOT NULL
)"""
ONCE = "CREATE UNIQUE INDEX IF NOT EXISTS once ON records (frame)"
BUSY_S = 1.0
"""How long a write waits for another process's lock before it gives up."""


class Record(NamedTuple):
    """A stored message: `at` in seconds since 1970, `persons` on it, `body` as JSON."""

    id: int
    frame: str
    at: float
    persons: int
    body: str


class Store:
    """The records of one pod. Every method raises StoreError when SQLite cannot do it now."""

    def __init__(self, path: Path, *, idempotent: bool, busy_s: float = BUSY_S) -> None:
        """Open or make the file `path`; `idempotent` stores a frame id only once."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        try:
            self._database = self._thread.submit(_open, path, idempotent, busy_s).result()
        except sqlite3.Error as error:
            self._thread.shutdown()
            raise StoreError(f"{path}: {error}") from error

    @classmethod
    def of(cls, settings: Settings) -> Store:
        """Open the store of a pod: a file named after its service, in STORE_DIR (which the service must require)."""
        if settings.store_dir is None:
            raise BadSettings(["STORE_DIR: must be set"])
        return cls(settings.store_dir / f"{settings.service_name}.sqlite", idempotent=settings.idempotency)

    async def add(self, frame: str, at: float, persons: int, body: str) -> bool:
        """Store a record and commit it; False if this frame is already stored (the store being idempotent)."""
        insert = "INSERT OR IGNORE INTO records (frame, at, persons, body) VALUES (?, ?, ?, ?)"
        return await self._run(lambda db: db.execute(insert, (frame, at, persons, body)).rowcount == 1)

    async def between(self, start: float, end: float) -> list[Record]:
        """Return the records with start <= at <= end, in the order of `at`."""
        select = "SELECT id, frame, at, persons, body FROM records WHERE at BETWEEN ? AND ? ORDER BY at, id"
        return await self._run(lambda db: [Record(*row) for row in db.execute(select, (start, end))])

    async def get(self, number: int) -> Record | None:
        """Return the record with this id."""
        select = "SELECT id, frame, at, persons, body FROM records WHERE id = ?"
        row = await self._run(lambda db: db.execute(select, (number,)).fetchone())
        return Record(*row) if row else None

    async def delete(self, number: int) -> bool:
        """Delete the record with this id; False if there is none."""
        return await self._run(lambda db: db.execute("DELETE FROM records WHERE id = ?", (number,)).rowcount == 1)

    async def counts(self) -> dict[str, dict[str, int]]:
        """Return, for each frame id, how many records there are, and how many persons on them in all."""
        select = "SELECT frame, COUNT(*), SUM(persons) FROM records GROUP BY frame"
        rows = await self._run(lambda db: db.execute(select).fetchall())
        return {frame: {"records": records, "persons": persons} for frame, records, persons in rows}

    async def clear(self) -> None:
        """Delete every record."""
        await self._run(lambda db: db.execute("DELETE FROM records"))

    async def close(self) -> None:
        """Finish what is under way, and close the file."""
        await self._run(lambda db: db.close())
        self._thread.shutdown()

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # shielded: a caller who goes away must not make it uncertain whether his write was begun
        running = asyncio.get_running_loop().run_in_executor(self._thread, work, self._database)
        try:
            return await asyncio.shield(running)
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error


def _open(path: Path, idempotent: bool, busy_s: float) -> sqlite3.Connection:
    # autocommit: every statement is its own transaction, committed when execute() returns
    database = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=True)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute(TABLE)
    database.execute(ONCE if idempotent else "DROP INDEX IF EXISTS once")
    return database
