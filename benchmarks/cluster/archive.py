"""A run's folder on its way into a cluster: what the harness needs of it, in one gzipped archive."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from benchmarks import results
from benchmarks.errors import BadInput
from benchmarks.results import CHECKSUMS, HEADER, Run
from k8s.cluster.job import ARCHIVE_LIMIT


def pack(run: Run) -> bytes:
    """Pack the header, and the records of the cells that are measured already; their rows only where they are read.

    The same folder gives the same bytes. Raises BadInput: it is more than a ConfigMap takes, or cannot be read.
    """
    there = [name for name in run.checksums() if name != HEADER]
    needed = [name for name in there if name.endswith(".json") or run.header.until_narrow]
    missing = [f"{run.folder / name}: is not there" for name in needed if not (run.folder / name).is_file()]
    if missing:
        raise BadInput([*missing, f"{run.folder}: what was measured is not whole; bring it back, or begin a new run"])
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in (HEADER, CHECKSUMS, *sorted(needed)):
            content = (run.folder / name).read_bytes()
            one = tarfile.TarInfo(f"{run.name}/{name}")
            one.size = len(content)
            tar.addfile(one, io.BytesIO(content))
    archive = gzip.compress(packed.getvalue(), mtime=0)
    if len(archive) > ARCHIVE_LIMIT:
        raise BadInput(
            [
                f"{run.folder}: {len(archive) / 2**20:.1f} MiB in gzip, and a Job's ConfigMap takes "
                f"{ARCHIVE_LIMIT / 2**20:g} MiB: run fewer scenarios, arms or repetitions at once"
            ]
        )
    return archive


def unpack(archive: bytes, into: Path) -> Run:
    """Make the run's folder anew in another. Raises BadInput: these are no files of a run."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            # by hand: a Python of before 3.11.4 has no filter for what an archive must not hold
            files = {one.name: (tar.extractfile(one) or io.BytesIO()).read() for one in tar.getmembers()}
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadInput([f"the archive of the run cannot be read: {error}"]) from None
    names = {name.partition("/")[0] for name in files}
    if len(names) != 1 or any(".." in name.split("/") or name.startswith("/") for name in files):
        raise BadInput(["the archive of the run cannot be read: it holds more or less than one run's folder"])
    folder = into / names.pop()
    (folder / "cells").mkdir(parents=True)
    for name, content in files.items():
        (into / name).write_bytes(content)
    return results.open_run(folder)
