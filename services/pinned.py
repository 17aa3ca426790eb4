"""What the image installs: those lines of the lock file that the services need. Runs with Python alone.

`python -m services.pinned requirements.lock services/requirements.txt` prints a requirements file with hashes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==", re.IGNORECASE)


class NotPinned(Exception):
    """The lock file lacks packages that the services need; the text names them."""


def names(text: str) -> list[str]:
    """The packages that a requirements file lists, one a line, without comments."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def pinned(lock: str, wanted: Iterable[str]) -> str:
    """Cut from a lock file the entries of the wanted packages, each with its hashes and as it stands.

    Raises NotPinned naming every package that has no entry.
    """
    entries: dict[str, list[str]] = {}
    entry: list[str] = []
    for line in lock.splitlines(keepends=True):
        if found := _PIN.match(line):
            entry = entries.setdefault(found[1].lower(), [])
        if not line.startswith("#"):
            entry.append(line)
    chosen = list(wanted)
    if missing := [name for name in chosen if name not in entries]:
        raise NotPinned(f"not in the lock file: {', '.join(missing)}; add to pyproject.toml, then `make lock`")
    return "".join("".join(entries[name]) for name in chosen)


def main() -> None:
    """Print the entries; exit code 1 and a line when one is missing."""
    lock, wanted = (Path(each).read_text() for each in sys.argv[1:3])
    try:
        sys.stdout.write(pinned(lock, names(wanted)))
    except NotPinned as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
