"""Files come whole or not at all, and a copy is the run itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cluster.archive import pack, unpack
from benchmarks.cluster.copying import copy
from benchmarks.errors import BadInput
from benchmarks.results import CHECKSUMS, Run
from tests.benchmarks.synthetic import EFFECTS, save, write_run


class Remote:
    """The folder of a run elsewhere. `torn` are files of which the first so many answers are cut off."""

    def __init__(self, run: Run) -> None:
        self.run, self.torn, self.asked = run, dict[str, int](), list[str]()

    async def __call__(self, name: str) -> bytes:
        self.asked.append(name)
        content = (self.run.folder / name).read_bytes()
        if self.torn.get(name):
            self.torn[name] -= 1
            return content[:-1]
        return content


@pytest.fixture
def here(tmp_path: Path) -> Run:
    return write_run(tmp_path / "here", repetitions=1, only=lambda cell: False)


@pytest.fixture
def there(here: Run, tmp_path: Path) -> Remote:
    return Remote(unpack(pack(here), tmp_path / "there"))


def measure(there: Remote, count: int = 1) -> None:
    for cell in there.run.missing()[:count]:
        save(there.run, cell, EFFECTS[cell.arm])


async def test_a_copy_is_the_run_with_every_checksum(here: Run, there: Remote) -> None:
    measure(there, 2)
    await copy(here, there)
    assert here.records() == there.run.records()
    assert here.measured() == there.run.measured()
    assert (here.folder / CHECKSUMS).read_bytes() == (there.run.folder / CHECKSUMS).read_bytes()
    assert here.verify() == []


async def test_what_is_there_is_not_fetched_again(here: Run, there: Remote) -> None:
    measure(there)
    await copy(here, there)
    before = len(there.asked)
    measure(there)
    await copy(here, there)
    cell = there.run.records()[-1].cell
    assert sorted(there.asked[before:]) == [f"cells/{cell}.csv.gz", f"cells/{cell}.json", CHECKSUMS]


async def test_a_header_that_was_changed_there_is_known_here(here: Run, there: Remote) -> None:
    there.run.note("something to know")
    await copy(here, there)
    assert here.header.notes == ("something to know",)


async def test_a_file_that_came_torn_is_fetched_again(here: Run, there: Remote) -> None:
    measure(there)
    there.torn = {f"cells/{there.run.records()[0].cell}.csv.gz": 1}
    await copy(here, there)
    assert here.verify() == []


async def test_a_file_that_never_comes_whole_is_refused_and_not_counted(here: Run, there: Remote) -> None:
    measure(there)
    name = f"cells/{there.run.records()[0].cell}.csv.gz"
    there.torn = {name: 99}
    with pytest.raises(BadInput, match="what was copied is not what the bench wrote"):
        await copy(here, there)
    assert not (here.folder / name).exists()
    assert here.records() == []


@pytest.mark.parametrize("name", ["../run.json", "/etc/passwd", "cells/../../x", "a/b/c"])
async def test_a_file_that_has_no_place_in_a_run_is_refused(here: Run, name: str) -> None:
    async def strange(_asked: str) -> bytes:
        return f"{'0' * 64}  {name}\n".encode()

    with pytest.raises(BadInput, match="this is no file of a run"):
        await copy(here, strange)
