"""What is on disk about the worlds of one checkout, and the sweep of what dead ones left behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

SPEC, RECORD, PROCESSES = "spec.json", "world.json", "processes.jsonl"
SOCKETS, SOCKET, DISCOVERY_SOCKET = "goaround-socket-", "supervisor.sock", "discovery.sock"
# The kernel tells a process's start with a resolution of 10 ms.
SAME_TIME_S = 0.05


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process identified beyond its number, which the system gives to another one some day."""

    pid: int
    create_time: float

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Identify the process that has this number now."""
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """Return the process, if it still runs."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.create_time) < SAME_TIME_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        return None


@dataclass(frozen=True, slots=True)
class WorldRecord:
    """What a supervisor tells about itself in world.json. `attached`: it ends with the process that started it."""

    name: str
    mode: str
    supervisor: ProcessId
    socket: str
    base_port: int
    attached: bool = False

    def write(self, directory: Path) -> None:
        """Replace the record by rename."""
        fresh = directory / "world.new"
        fresh.write_text(json.dumps(asdict(self), indent=1))
        fresh.replace(directory / RECORD)


def read(directory: Path) -> WorldRecord | None:
    """Read the record of a world whose supervisor runs; None when there is none."""
    try:
        data = json.loads((directory / RECORD).read_text())
        record = WorldRecord(**{**data, "supervisor": ProcessId(**data["supervisor"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return record if record.supervisor.find() else None


def note_process(directory: Path, process: ProcessId) -> None:
    """Add a child to the list that a sweep would end."""
    with (directory / PROCESSES).open("a") as processes:
        processes.write(json.dumps(asdict(process)) + "\n")


@contextmanager
def alone(worlds: Path) -> Iterator[None]:
    """Only one client starts or sweeps at a time; waits for its turn."""
    worlds.mkdir(parents=True, exist_ok=True)
    with (worlds / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sweep(worlds: Path) -> list[str]:
    """End what worlds without a supervisor left running, and remove their folders; returns their names.

    Only processes that are on a world's own list, by number and time of creation, are ended.
    """
    swept = []
    for directory in sorted(path for path in worlds.iterdir() if path.is_dir()):
        if read(directory):
            continue
        for process in processes(directory):
            if found := process.find():
                with contextlib.suppress(psutil.Error):
                    found.kill()
        _remove_socket(directory)
        shutil.rmtree(directory, ignore_errors=True)
        swept.append(directory.name)
    return swept


def _remove_socket(directory: Path) -> None:
    """Remove the folder of a world's two sockets, if it is one of ours and nothing else is in it."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        socket = Path(json.loads((directory / RECORD).read_text())["socket"])
        if socket.parent.name.startswith(SOCKETS):
            for name in (SOCKET, DISCOVERY_SOCKET):
                (socket.parent / name).unlink(missing_ok=True)
            socket.parent.rmdir()


def processes(directory: Path) -> list[ProcessId]:
    """Every child that a world ever had."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return [ProcessId(**json.loads(line)) for line in (directory / PROCESSES).read_text().splitlines()]
    return []
