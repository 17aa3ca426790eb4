"""The store: committed before it says so, once for each frame, and honest when it cannot."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.runtime.pod import StoreError
from services.runtime.store import Record, Store


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(tmp_path / "s.sqlite", idempotent=True, busy_s=0.05)
    yield made
    await made.close()


async def test_what_add_says_is_stored_another_process_would_read(store: Store, tmp_path: Path) -> None:
    assert await store.add("f", 1.0, 2, "{}")
    other = sqlite3.connect(tmp_path / "s.sqlite")
    assert other.execute("SELECT frame, at, persons, body FROM records").fetchall() == [("f", 1.0, 2, "{}")]
    other.close()


async def test_a_frame_that_comes_again_is_stored_once(store: Store) -> None:
    assert await asyncio.gather(*(store.add("f", 1.0, 2, "{}") for _ in range(5))) == [True, *[False] * 4]
    assert await store.counts() == {"f": {"records": 1, "persons": 2}}


async def test_with_idempotency_off_it_is_stored_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite", idempotent=False)
    assert [await store.add("f", 1.0, 2, "{}") for _ in range(2)] == [True, True]
    assert await store.counts() == {"f": {"records": 2, "persons": 4}}
    await store.close()


async def test_records_outlive_the_process_that_stored_them(tmp_path: Path) -> None:
    for expected in (True, False):
        store = Store(tmp_path / "s.sqlite", idempotent=True)
        assert await store.add("f", 1.0, 2, "{}") is expected
        await store.close()


async def test_a_span_of_time_includes_both_ends_and_is_in_order(store: Store) -> None:
    for at in (3.0, 1.0, 2.0, 4.0):
        await store.add(f"f{at:g}", at, 0, "{}")
    assert [record.frame for record in await store.between(1.0, 3.0)] == ["f1", "f2", "f3"]
    assert len(await store.between(float("-inf"), float("inf"))) == 4


async def test_a_record_is_found_and_deleted_by_its_number(store: Store) -> None:
    await store.add("f", 1.0, 2, "{}")
    assert await store.get(1) == Record(1, "f", 1.0, 2, "{}")
    assert await store.delete(1)
    assert not await store.delete(1)
    assert await store.get(1) is None


async def test_clear_leaves_nothing(store: Store) -> None:
    await store.add("f", 1.0, 2, "{}")
    await store.clear()
    assert await store.counts() == {}


async def test_a_locked_store_says_so_and_stores_when_it_can_again(store: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "s.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        await store.add("f", 1.0, 2, "{}")
    other.execute("ROLLBACK")
    other.close()
    assert await store.add("f", 1.0, 2, "{}")


async def test_a_full_disk_is_a_store_error(store: Store) -> None:
    await store._run(lambda db: db.execute("PRAGMA max_page_count = 8"))
    with pytest.raises(StoreError, match="full"):
        await store.add("f", 1.0, 0, "x" * 200_000)
    assert await store.counts() == {}


async def test_the_event_loop_runs_on_while_a_write_waits(store: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "s.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    writing = asyncio.create_task(store.add("f", 1.0, 2, "{}"))
    await asyncio.sleep(0.001)
    assert time.monotonic() - began < 0.04, "the loop waited for the lock"
    assert not writing.done()
    other.execute("ROLLBACK")
    other.close()
    assert await writing


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").write_text("no database, but long enough to be looked at as one" * 40)
    with pytest.raises(StoreError, match="not a database"):
        Store(tmp_path / "s.sqlite", idempotent=True)
