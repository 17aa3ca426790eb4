"""A world that `goaround up` has started, asked where frames go: from its record on disk, through its own socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.run import ALL

WORLDS = Path(__file__).parents[1] / ".goaround" / "worlds"
SERVICE = "collector"
TIMEOUT_S = 10.0


class NoWorldError(ValueError):
    """There is no such world, or it does not answer; the text says what there is."""


@dataclass(frozen=True, slots=True)
class RunningWorld:
    """`entries`: where frames enter, host:port by the name of each ready collector."""

    mode: str
    entries: dict[str, str]

    def at(self, entry: str) -> Sequence[str]:
        """Give the addresses for `all`, or for one pod. Raises NoWorldError for one that is not there, or not ready."""
        if entry == ALL and self.entries:
            return tuple(self.entries.values())
        if entry not in self.entries:
            raise NoWorldError(f"entry: no ready {SERVICE} {entry!r}; choose from: {', '.join((ALL, *self.entries))}")
        return (self.entries[entry],)


def running_world(name: str, worlds: Path = WORLDS) -> RunningWorld:
    """Ask a world for its pods. Raises NoWorldError."""
    try:
        record = json.loads((worlds / name / "world.json").read_text())
        status = _ask(record["socket"], "status")
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        there = ", ".join(sorted(path.parent.name for path in worlds.glob("*/world.json"))) or "none"
        raise NoWorldError(
            f"world: no world {name!r} answers; there are: {there}; start one with `goaround up --name {name}`"
        ) from None
    pods = {pod["name"]: pod["entry"] for pod in status["pods"] if pod["service"] == SERVICE and pod["ready"]}
    return RunningWorld(status["mode"], dict(sorted(pods.items())))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("supervisor", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)


def _ask(path: str, what: str) -> Any:
    connection = _UnixConnection(path)
    try:
        connection.request("POST", f"/{what}", "{}", {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
