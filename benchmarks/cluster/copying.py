"""The files of a run that is measured elsewhere, copied as they come: only whole ones, each held to its checksum."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath

from benchmarks.errors import BadInput
from benchmarks.results import CHECKSUMS, Run, parse_checksums
from benchmarks.storage import digest, write_whole

TRIES = 3
Fetch = Callable[[str], Awaitable[bytes]]


async def copy(run: Run, fetch: Fetch) -> None:
    """Bring the folder of a run to the state of another that `fetch` reads; the list of checksums comes last.

    What is there already is not fetched again. Raises BadInput: a file differs from its checksum each time, or has no
    place in a run; CannotWrite; and whatever `fetch` raises.
    """
    wrong: list[str] = []
    for _ in range(TRIES):
        listed = await fetch(CHECKSUMS)
        theirs, ours = parse_checksums(listed.decode(), CHECKSUMS), run.checksums()
        wrong = []
        for name, checksum in theirs.items():
            _refuse_strange(name)
            if ours.get(name) == checksum and (run.folder / name).exists():
                continue
            content = await fetch(name)
            if digest(content) == checksum:
                write_whole(run.folder / name, content)
            else:
                wrong.append(name)
        if not wrong:
            write_whole(run.folder / CHECKSUMS, listed)
            run.reread()
            return
        # it was written again since the list was read
    raise BadInput([f"{run.folder / name}: what was copied is not what the bench wrote" for name in wrong])


def _refuse_strange(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or len(path.parts) > 2:
        raise BadInput([f"{name!r}: this is no file of a run"])
